//! How large the pieces of a product are, so that threads have as much to do as each other and little to fetch.

use super::PANEL;

/// Most rows of a block: with these, a block takes a sixth of the second cache, and a panel is read for many rows.
const TALL: usize = 144;
/// Rows of a tile, for the widest instruction set.
const UNIT: usize = 12;
/// Pieces of a thread.
const EACH: usize = 4;
/// Panels of a matrix that are packed at a time: they take a tenth of the second cache. And those that a copy of rows is worth.
pub const FEW: usize = 4;
/// Multiplications that are worth another thread.
const WORTH: usize = 50_000;

/// Threads for so many multiplications.
pub fn workers(threads: usize, work: usize) -> usize {
    threads.min(work / WORTH).max(1)
}

/// Even parts of a length, each a multiple of `unit` but the last.
pub fn part_of(length: usize, parts: usize, unit: usize) -> usize {
    length.div_ceil(parts.max(1)).next_multiple_of(unit).max(1)
}

/// Rows and panels of a piece, for products of so many rows, terms and columns.
pub fn cut(sizes: [usize; 3], threads: usize, copied: bool) -> [usize; 2] {
    let (blocks, groups) = parts(sizes, threads, copied);
    let [rows, _, columns] = sizes;
    // Whole tiles, where a block that is left over is little of all.
    let unit = if blocks >= EACH && rows / blocks >= 2 * UNIT { UNIT } else { 1 };
    [part_of(rows, blocks, unit), part_of(columns.div_ceil(PANEL), groups, 1)]
}

/// Blocks of rows and groups of panels for products of so many rows, terms and columns. Threads share rows, and each reads all weights;
/// or panels, and each reads all rows and makes columns of which the next operation reads others: whichever is less to be read from the
/// other's cache or from memory. There are more pieces than threads, as far as they are worth it: a thread that is held up leaves some
/// to the others, and what cannot be divided evenly is a smaller part of all. Rows that are `copied` are copied for each group, which is
/// little beside a few panels.
fn parts([rows, inner, columns]: [usize; 3], threads: usize, copied: bool) -> (usize, usize) {
    let (blocks, panels) = (rows.div_ceil(TALL).max(1), columns.div_ceil(PANEL).max(1));
    if threads < 2 {
        return (blocks, 1);
    }
    let (weights, work) = (inner.saturating_mul(columns), inner.saturating_mul(columns).saturating_mul(rows));
    let wanted = (2 * (work / WORTH)).clamp(threads, EACH * threads);
    if rows.saturating_mul(inner.saturating_add(columns)) >= weights || panels < 2 * threads {
        let most = (rows / (2 * UNIT)).max(threads);
        return (blocks.max(wanted.min(most)).next_multiple_of(threads), 1);
    }
    let most = (panels / if copied { FEW } else { 1 }).clamp(threads, wanted).next_multiple_of(threads);
    let groups = even_groups(panels, threads, most);
    // Few panels are seldom as many for each thread.
    (if panels < wanted && rows > UNIT { blocks.max(2) } else { blocks }, groups)
}

/// As many groups of panels for each thread as leave the busiest one the least to do; rather more of them.
fn even_groups(panels: usize, threads: usize, most: usize) -> usize {
    let busiest = |groups: usize| {
        let wide = part_of(panels, groups, 1);
        wide * panels.div_ceil(wide).div_ceil(threads)
    };
    (1..=most / threads)
        .rev()
        .map(|each| each * threads)
        .min_by_key(|groups| busiest(*groups))
        .unwrap_or(threads)
}

#[cfg(test)]
mod tests {
    use super::{EACH, FEW, even_groups, part_of};

    #[test]
    fn no_thread_is_left_much_more_than_others() {
        for (panels, threads, most, groups) in [
            (12, 2, 3, 2),
            (12, 2, 4, 4),
            (14, 2, 4, 2),
            (16, 2, 4, 4),
            (64, 2, 8, 8),
            (4, 2, 4, 4),
            (5, 4, 5, 4),
        ] {
            assert_eq!(
                even_groups(panels, threads, most),
                groups,
                "{panels} panels, {threads} threads, {most}"
            );
        }
        for panels in 4..200 {
            for threads in 2..=panels / 2 {
                let groups = even_groups(panels, threads, (panels / FEW).clamp(threads, EACH * threads));
                let wide = part_of(panels, groups, 1);
                let busiest = wide * panels.div_ceil(wide).div_ceil(threads);
                assert!(busiest <= panels.div_ceil(threads), "{panels} panels, {threads} threads: {groups}");
            }
        }
    }
}
