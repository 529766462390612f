//! Runs of words or numbers, counted.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{GramCounts, Literal, Op, Rare, Rows, Table, ValueId};
use std::collections::HashMap;
use std::sync::Arc;

/// Columns of a result.
const MOST_COLUMNS: i64 = 1 << 24;

impl Lowering<'_, '_> {
    /// Words become numbers first.
    pub(super) fn tfidf(&mut self) -> Outcome {
        if self.op() != "TfIdfVectorizer" {
            return Ok(None);
        }
        let (mut x, _) = self.tensor(0)?;
        let rank = self.rank(x)?;
        let pool = match self.texts("pool_strings").filter(|p| !p.is_empty()) {
            Some(words) => {
                let (numbered, pool) = self.numbered(x, words)?;
                x = numbered;
                pool
            }
            None => self.ints("pool_int64s").unwrap_or_default().to_vec(),
        };
        let counts = Arc::new(self.gram_counts(&pool)?);
        let columns = counts.weights.len();
        if rank == 1 {
            x = self.build().reshape(x, &[1, -1])?;
        }
        let mut made = self.rare(Rare::Rows(Rows::GramCounts(counts)), &[x])?;
        if rank == 1 {
            made = self.build().reshape(made, &[columns as i64])?;
        } else {
            self.build().tell(made, vec![None, Some(columns)]);
        }
        Self::give(made, Elem::F32)
    }

    /// Each word as the number of its place among those of the pool, and the pool so.
    fn numbered(&mut self, x: ValueId, words: &[Vec<u8>]) -> Result<(ValueId, Vec<i64>), Stop> {
        let mut known: HashMap<&[u8], i64> = HashMap::new();
        let mut pool = Vec::with_capacity(words.len());
        for word in words {
            let next = known.len() as i64;
            pool.push(*known.entry(word).or_insert(next));
        }
        let (keys, values): (Vec<Vec<u8>>, Vec<i64>) = known.iter().map(|(k, v)| (k.to_vec(), *v)).unzip();
        let shape = vec![keys.len()];
        let table = Table::new(&Literal::Text(keys, shape.clone()), Literal::I64(values, shape));
        let table = table.ok_or_else(|| Self::broken("its words are none"))?;
        let unknown = self.build().int(-1)?;
        Ok((self.add(Op::Lookup(Arc::new(table)), &[x, unknown])?, pool))
    }

    fn gram_counts(&self, pool: &[i64]) -> Result<GramCounts, Stop> {
        let number = |name: &str, usual: i64| {
            let number = self.int(name).unwrap_or(usual);
            usize::try_from(number).map_err(|_| Self::broken(format!("{name} {number}")))
        };
        let (least, most) = (number("min_gram_length", 1)?, number("max_gram_length", 1)?);
        let skips = number("max_skip_count", 0)?;
        let begins = self.ints("ngram_counts").unwrap_or_default();
        let columns = self.ints("ngram_indexes").unwrap_or_default();
        if columns.iter().any(|c| !(0..MOST_COLUMNS).contains(c)) {
            return Err(Self::broken("its ngram_indexes are no columns"));
        }
        let unfit = || Self::broken("its pool is not as ngram_counts say");
        let mut numbers = columns.iter();
        let mut grams = HashMap::new();
        for (n, begin) in begins.iter().enumerate() {
            let end = begins.get(n + 1).copied().unwrap_or(pool.len() as i64);
            let part = usize::try_from(*begin).ok().zip(usize::try_from(end).ok());
            let part = part.and_then(|(b, e)| pool.get(b..e)).ok_or_else(unfit)?;
            for gram in part.chunks(n + 1) {
                let column = numbers.next().filter(|_| gram.len() == n + 1).ok_or_else(unfit)?;
                if (least..=most).contains(&(n + 1)) {
                    grams.insert(gram.to_vec(), usize::try_from(*column).unwrap_or(0));
                }
            }
        }
        let width = columns.iter().max().map_or(0, |c| usize::try_from(*c).unwrap_or(0) + 1);
        let (weighted, binary) = match self.text("mode") {
            Some("TF") => (false, false),
            Some("IDF") => (true, true),
            Some("TFIDF") => (true, false),
            other => return Err(Self::broken(format!("mode {other:?}"))),
        };
        let mut weights = vec![1.0; width];
        if let Some(given) = self.floats("weights").filter(|w| weighted && !w.is_empty()) {
            if given.len() != columns.len() {
                return Err(Self::broken("its weights are not as many as its runs"));
            }
            for (column, weight) in columns.iter().zip(given) {
                weights[usize::try_from(*column).unwrap_or(0)] = *weight;
            }
        }
        Ok(GramCounts::new(grams, skips, weights, binary))
    }
}
