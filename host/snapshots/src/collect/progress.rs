//! What a long run tells the one who waits for it.

/// Something that has begun, gone on or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// So many objects of a kind are read; the API server says how many remain, where it knows.
    Listing { resource: &'a str, objects: usize, remaining: Option<u64> },
    /// All objects of a kind are read.
    Listed { resource: &'a str, objects: usize },
    /// A kind cannot be read; the rest goes on.
    NotListed { resource: &'a str },
    /// The store is asked, for flows as they were so many minutes ago.
    Asking { address: &'a str, minutes_ago: u32 },
    /// The store cannot be asked; the file is without flows.
    NotAnswered,
    /// The store answered.
    Answered { flows: usize },
}

/// Takes each step as it happens.
pub trait Progress: Sync {
    fn step(&self, step: Step<'_>);
}

impl<F: Fn(Step<'_>) + Sync> Progress for F {
    fn step(&self, step: Step<'_>) {
        self(step);
    }
}
