//! A file of lines that is only ever added to, by one process at a time.
//!
//! What is appended is on the disk when the call returns: a process that dies, or a machine, loses at most the line that it was
//! writing, and that is cut off when the file is opened again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::stamp::{not_regular, only_regular, regular};

/// Why such a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another process has it open.
    #[error("{} is in use by another process", path.display())]
    InUse { path: PathBuf },
    /// It is larger than the limit.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    /// Anything else.
    #[error("failed to {step} {}", path.display())]
    Io {
        /// What was being done, as a verb that is followed by the path.
        step: &'static str,
        path: PathBuf,
        #[source]
        error: io::Error,
    },
}

/// Holds the file, and its lock until it is dropped. Blocking.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: File,
}

impl AppendFile {
    /// Opens the file at `path`, or makes it, for its owner alone; returns it with its whole lines, of `limit` bytes at most.
    ///
    /// # Errors
    /// If another process holds it, it is larger, or it cannot be read and written.
    pub fn open(path: &Path, limit: u64) -> Result<(Self, String), AppendError> {
        let at = |step: &'static str| move |error| AppendError::Io { step, path: path.to_owned(), error };
        if let Err(error) = regular(path)
            && not_regular(&error)
        {
            return Err(at("open")(error));
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let file = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path);
        let mut file = file.map_err(at("open"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(AppendError::InUse { path: path.to_owned() }),
            Err(error) => return Err(at("lock")(error.into())),
        }
        let metadata = file.metadata().and_then(only_regular).map_err(at("open"))?;
        if metadata.len() > limit {
            return Err(AppendError::TooLarge { path: path.to_owned(), limit });
        }
        let mut content = Vec::new();
        Read::by_ref(&mut file).take(limit).read_to_end(&mut content).map_err(at("read"))?;
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < content.len() {
            content.truncate(whole);
            file.set_len(whole as u64).map_err(at("cut the unfinished line off"))?;
        }
        let text = String::from_utf8(content)
            .map_err(|error| at("read")(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        // The file's name is an entry of its folder.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(at("flush the folder of"))?;
        Ok((Self { path: path.to_owned(), file }, text))
    }

    /// Adds a line, without a line break in it, and waits until it is on the disk.
    ///
    /// # Errors
    /// If it cannot be written; what was written of it is taken back.
    pub fn append(&mut self, line: &str) -> Result<(), AppendError> {
        let Self { path, file } = self;
        let failed = |error| AppendError::Io { step: "append to", path: path.clone(), error };
        let before = file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(|error| {
            // If this fails, too, an unfinished line is cut off when it is opened again.
            let _ = file.set_len(before);
            failed(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 100;

    #[test]
    fn lines_stay_and_an_unfinished_one_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut file, text) = AppendFile::open(&path, LIMIT).unwrap();
        assert_eq!(text, "");
        file.append("one").unwrap();
        file.append("two").unwrap();
        drop(file);
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"thr").unwrap();
        let (mut file, text) = AppendFile::open(&path, LIMIT).unwrap();
        assert_eq!(text, "one\ntwo\n");
        file.append("three").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    }

    #[test]
    fn one_process_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (held, _) = AppendFile::open(&path, LIMIT).unwrap();
        let error = AppendFile::open(&path, LIMIT).unwrap_err();
        assert!(matches!(error, AppendError::InUse { .. }), "{error}");
        drop(held);
        AppendFile::open(&path, LIMIT).unwrap();
    }

    mod hostile {
        use super::*;

        #[test]
        fn neither_a_pipe_nor_a_large_file_nor_a_full_disk() {
            let folder = tempfile::tempdir().unwrap();
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            assert!(matches!(AppendFile::open(&pipe, LIMIT), Err(AppendError::Io { step: "open", .. })));
            let large = folder.path().join("large");
            std::fs::write(&large, vec![b'x'; 101]).unwrap();
            assert!(matches!(AppendFile::open(&large, LIMIT), Err(AppendError::TooLarge { .. })));
            assert!(matches!(AppendFile::open(Path::new("/dev/full"), LIMIT), Err(AppendError::Io { .. })));
        }
    }
}
