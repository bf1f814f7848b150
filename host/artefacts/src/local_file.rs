//! Reading a file of this machine within a limit.

use std::path::PathBuf;

use netmarks_files::Content;

use crate::error::Reason;

/// Reads a file without holding up the runtime.
pub(crate) async fn read(path: PathBuf, limit: u64, what: &'static str) -> Result<Vec<u8>, Reason> {
    let task = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || netmarks_files::read(&path, limit))
    };
    match task.await.map_err(|source| Reason::Ended { source })? {
        Ok(Content::Whole(bytes)) => Ok(bytes),
        Ok(Content::TooLarge) => Err(Reason::TooLarge { what, limit }),
        Err(source) => Err(Reason::File { path, source }),
    }
}
