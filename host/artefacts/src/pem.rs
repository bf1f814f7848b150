//! The blocks of a PEM file.
//!
//! Apart because certificates and public keys both come several to a file, for rotation, while the libraries that read them
//! take one block.

/// Each block with this label, from its first to its last line.
pub(crate) fn blocks<'a>(text: &'a str, label: &str) -> impl Iterator<Item = &'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.find(&begin)?;
        let block = rest.get(start..)?;
        let length = block.find(&end)? + end.len();
        let (block, after) = block.split_at_checked(length)?;
        rest = after;
        Some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_blocks_of_one_label() {
        let text = "# first\n-----BEGIN A-----\nx\n-----END A-----\n-----BEGIN B-----\ny\n-----END B-----\n\
                    -----BEGIN A-----\nz\n-----END A-----\n-----BEGIN A-----\ncut off";
        let found: Vec<_> = blocks(text, "A").collect();
        assert_eq!(found, ["-----BEGIN A-----\nx\n-----END A-----", "-----BEGIN A-----\nz\n-----END A-----"]);
        assert_eq!(blocks("", "A").count(), 0);
    }
}
