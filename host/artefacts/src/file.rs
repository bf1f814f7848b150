//! Reading files of this machine within a bound.
//!
//! Apart because certificates, credentials, keys, components and signatures are all read in the same way: no more than the
//! bound, and never from something that is no file and might never end.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Largest file of certificates, credentials or keys, in bytes.
pub(crate) const SMALL: u64 = 1 << 20;

/// What [`read`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// All of it.
    Whole(Vec<u8>),
    /// It is larger than the bound.
    TooLarge,
}

/// Reads a regular file of at most `limit` bytes, following links.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Content> {
    // Before opening: opening a pipe would wait for somebody to write.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if metadata.len() > limit {
        return Ok(Content::TooLarge);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > limit { Content::TooLarge } else { Content::Whole(bytes) })
}

/// Reads a small file without holding up the runtime.
pub(crate) async fn read_small(path: &Path) -> Result<Vec<u8>> {
    let path = path.to_owned();
    match tokio::task::spawn_blocking(move || read(&path, SMALL)).await? {
        Ok(Content::Whole(bytes)) => Ok(bytes),
        Ok(Content::TooLarge) => Err(Error::new(ErrorKind::FileTooLarge, "it is larger than 1 MiB")),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_the_bound_and_only_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), Content::Whole(b"12345".to_vec()));
        assert_eq!(read(&path, 4).unwrap(), Content::TooLarge);
        assert_eq!(read(folder.path(), 5).unwrap_err().kind(), ErrorKind::InvalidInput);
        // Its length is said to be 0, and it never ends.
        assert_eq!(read(Path::new("/dev/zero"), 5).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(&folder.path().join("other"), 5).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
