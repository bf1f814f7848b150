//! TCP ports on loopback that stay ours.
//!
//! A port found by binding to port 0 can be taken again, by anybody's outgoing connection, before the process it was meant
//! for listens, or while that process is down for a restart. So ports come from below the kernel's ephemeral range and are
//! held by a lock on a file each, which other test processes of this crate respect.

use anyhow::{Context as _, Result, bail};
use std::fs::{File, Permissions, TryLockError};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Below Linux' default ephemeral range (32768..), above where well-known services listen.
const CANDIDATES: Range<u16> = 20_000..32_000;

/// Holds one port of 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Reserves a port that nobody listens on.
    pub fn reserve() -> Result<Self> {
        Self::reserve_among(CANDIDATES, &std::env::temp_dir().join("netmarks-ports"))
    }

    /// Reserves so many ports with numbers in a row.
    pub fn in_a_row(count: usize) -> Result<Vec<Self>> {
        let mut ports: Vec<Self> = Vec::new();
        // Those that break a row are held until there is one, or they would be found again.
        let mut apart = Vec::new();
        while ports.len() < count {
            let next = Self::reserve()?;
            if ports.last().is_some_and(|last| last.number + 1 != next.number) {
                apart.append(&mut ports);
            }
            ports.push(next);
        }
        Ok(ports)
    }

    fn reserve_among(candidates: Range<u16>, locks: &Path) -> Result<Self> {
        std::fs::create_dir_all(locks)
            .with_context(|| format!("failed to create the folder of port locks {}", locks.display()))?;
        // For other users of this machine, too. It works only for whoever made it, and they did.
        let _ = std::fs::set_permissions(locks, Permissions::from_mode(0o1777));
        for number in candidates.clone() {
            let path = locks.join(number.to_string());
            // One that somebody else made can be locked, but not written; and not even that, if they keep it to themselves.
            let lock = match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => File::open(&path),
                created => created,
            };
            if lock.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
                continue;
            }
            let lock = lock.with_context(|| format!("failed to open port lock {}", path.display()))?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("failed to lock {}", path.display()));
                }
            }
            if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self { number, _lock: lock });
            }
        }
        bail!("no free TCP port in {candidates:?} on 127.0.0.1")
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::until;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(60);

    /// Waits until the port can be had: a process that another test starts has all our files until it becomes its program.
    async fn given(reserve: impl Fn() -> Result<Port>) -> Port {
        until("the port", LIMIT, async || reserve().map(Some)).await.unwrap()
    }

    #[tokio::test]
    async fn a_port_is_given_once_and_only_if_nobody_listens() {
        let locks = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = listener.local_addr().unwrap().port();
        let reserve = || Port::reserve_among(number..number + 1, locks.path());
        reserve().unwrap_err();
        drop(listener);
        let first = given(reserve).await;
        assert_eq!(first.number(), number);
        reserve().unwrap_err();
        drop(first);
        given(reserve).await;
    }
}
