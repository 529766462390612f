use super::super::proto::{Attribute, Node};
use super::{Ensemble, Place, Test, branches};
use crate::graph::{Branch, Missing};

fn node(ints: &[(&str, &[i64])], floats: &[(&str, &[f32])], modes: &[&str]) -> Node {
    let mut node = Node::default();
    for (name, ints) in ints {
        node.attribute.push(Attribute {
            name: (*name).to_owned(),
            ints: ints.to_vec(),
            ..Attribute::default()
        });
    }
    for (name, floats) in floats {
        node.attribute.push(Attribute {
            name: (*name).to_owned(),
            floats: floats.to_vec(),
            ..Attribute::default()
        });
    }
    let strings = modes.iter().map(|m| m.as_bytes().to_vec()).collect();
    node.attribute.push(Attribute { name: "nodes_modes".to_owned(), strings, ..Attribute::default() });
    node
}

/// A tree of one question, its nodes in the given numbers; children and targets as given.
fn tree(numbers: [i64; 3], children: [i64; 2], targets: [i64; 2]) -> Result<Ensemble, crate::EngineError> {
    let node = node(
        &[
            ("nodes_treeids", &[4, 4, 4]),
            ("nodes_nodeids", &numbers),
            ("nodes_featureids", &[2, 0, 0]),
            ("nodes_truenodeids", &[children[0], 0, 0]),
            ("nodes_falsenodeids", &[children[1], 0, 0]),
            ("target_treeids", &[4, 4]),
            ("target_nodeids", &numbers[1..]),
            ("target_ids", &targets),
        ],
        &[("nodes_values", &[0.5, 0.0, 0.0]), ("target_weights", &[1.0, 2.0])],
        &["BRANCH_LEQ", "LEAF", "LEAF"],
    );
    Ensemble::by_number(&node, "target", 2)
}

#[test]
fn nodes_are_found_by_their_numbers() {
    let ensemble = tree([7, 3, 9], [3, 9], [0, 1]).unwrap();
    let wanted = Place::Inner { feature: 2, test: Test::AtMost(0.5), children: [1, 2], missing: false };
    assert_eq!(ensemble.trees[0][0], wanted);
    assert_eq!(ensemble.trees[0][2], Place::Leaf(vec![(1, 2.0)]));
    assert!(ensemble.is_wide() && ensemble.is_positive());
    assert_eq!((ensemble.last_feature(), ensemble.answered()), (2, vec![true, true]));
    assert!(!tree([7, 3, 9], [3, 9], [1, 1]).unwrap().is_wide());
}

#[test]
fn broken_lists_are_errors() {
    let said = |made: Result<Ensemble, crate::EngineError>| made.unwrap_err().to_string();
    assert!(said(tree([7, 3, 9], [3, 8], [0, 0])).contains("no node 8"));
    assert!(said(tree([7, 3, 3], [3, 3], [0, 0])).contains("two nodes are number 3"));
    assert!(said(tree([7, 3, 9], [3, 9], [0, 2])).contains("target 2 of 2"));
    assert!(said(tree([7, 3, 9], [3, 9], [0, -1])).contains("below zero"));
    let long = node(&[("nodes_nodeids", &[1])], &[], &[]);
    assert!(said(Ensemble::by_number(&long, "target", 1)).contains("as long as each other"));
    assert!(said(Ensemble::by_number(&node(&[], &[], &[]), "target", 1)).contains("no trees"));
    let mode = node(&[], &[], &["BRANCH_MAYBE"]);
    assert!(said(Ensemble::by_number(&mode, "target", 1)).contains("BRANCH_MAYBE"));
}

/// What a tree whose root asks is made of, for a threshold.
fn asked(test: Test, missing: bool) -> Branch<f32> {
    let tree = [Place::Inner { feature: 0, test, children: [1, 2], missing }];
    branches(&tree, None, 0.0, |x| x as f32, f32::next_up).remove(0)
}

#[test]
fn questions_keep_what_they_mean() {
    let below = |threshold, missing, children| Branch::Below { feature: 0, threshold, missing, children };
    let equal = |values, missing, children| Branch::Equal { feature: 0, values, missing, children };
    assert_eq!(asked(Test::Below(1.0), false), below(1.0, Missing::Right, [1, 2]));
    assert_eq!(asked(Test::AtMost(1.0), true), below(1.0f32.next_up(), Missing::Left, [1, 2]));
    assert_eq!(asked(Test::AtLeast(1.0), false), below(1.0, Missing::Left, [2, 1]));
    assert_eq!(asked(Test::Above(1.0), true), below(1.0f32.next_up(), Missing::Right, [2, 1]));
    assert_eq!(asked(Test::Is(1.0), false), equal(vec![1.0], Missing::Right, [1, 2]));
    assert_eq!(asked(Test::IsNot(1.0), false), equal(vec![1.0], Missing::Right, [2, 1]));
    // All numbers are at most infinity, and none is above it.
    assert_eq!(asked(Test::AtMost(f64::INFINITY), false), equal(vec![], Missing::Left, [2, 1]));
    assert_eq!(asked(Test::Above(f64::INFINITY), false), equal(vec![], Missing::Right, [1, 2]));
}
