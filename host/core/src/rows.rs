//! Rows by number, shared with the copies of them that were taken: what a table by node is kept in.
//!
//! A copy costs one reference count. The first change after it copies the page that it touches and the list of pages, and no other
//! row. A look-up takes two steps whatever the number of rows, since a request makes one for each of its candidates.

use std::sync::Arc;

/// Rows of one page: a change copies so many rows, and one pointer for each so many rows there are.
const PAGE: usize = 64;

/// Holds the rows. All pages but the last are full.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows<T> {
    pages: Arc<Vec<Arc<Vec<T>>>>,
}

impl<T: Clone> Rows<T> {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.len())
    }

    /// The row of this number.
    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        self.pages.get(number / PAGE)?.get(number % PAGE)
    }

    /// The row of this number, to be changed here and in no copy.
    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        let page = Arc::make_mut(&mut self.pages).get_mut(number / PAGE)?;
        Arc::make_mut(page).get_mut(number % PAGE)
    }

    /// Adds a row behind the others.
    pub(crate) fn push(&mut self, row: T) {
        let pages = Arc::make_mut(&mut self.pages);
        match pages.last_mut() {
            Some(last) if last.len() < PAGE => Arc::make_mut(last).push(row),
            _ => pages.push(Arc::new(vec![row])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u32),
        Set(usize, u32),
        Copy,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => any::<u32>().prop_map(Step::Push),
            4 => (0..4 * PAGE, any::<u32>()).prop_map(|(number, value)| Step::Set(number, value)),
            1 => Just(Step::Copy),
        ]
    }

    fn all(rows: &Rows<u32>) -> Vec<u32> {
        (0..rows.len()).map(|number| *rows.get(number).unwrap()).collect()
    }

    proptest! {
        /// Against a list that is copied as a whole.
        #[test]
        fn a_change_is_in_the_rows_and_in_no_copy(steps in prop::collection::vec(step(), 0..600)) {
            let (mut rows, mut model) = (Rows::default(), Vec::new());
            let mut copies = Vec::new();
            for step in steps {
                match step {
                    Step::Push(value) => {
                        rows.push(value);
                        model.push(value);
                    }
                    Step::Set(number, value) => {
                        let (row, expected) = (rows.get_mut(number), model.get_mut(number));
                        prop_assert_eq!(row.is_some(), expected.is_some());
                        row.into_iter().chain(expected).for_each(|slot| *slot = value);
                    }
                    Step::Copy => copies.push((rows.clone(), model.clone())),
                }
            }
            prop_assert_eq!((rows.len(), rows.get(rows.len())), (model.len(), None));
            for (rows, model) in copies.into_iter().chain([(rows, model)]) {
                prop_assert_eq!(all(&rows), model);
            }
        }
    }
}
