//! TCP ports on loopback that stay ours.
//!
//! A port found by binding to port 0 can be taken again, by anybody's outgoing connection, before the process it was meant
//! for listens, or while that process is down for a restart. So ports come from below the kernel's ephemeral range and are
//! held by a lock on a file each, which other test processes of this crate respect.

use anyhow::{Context as _, Result, bail};
use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below Linux' default ephemeral range (32768..), above where well-known services listen.
const CANDIDATES: Range<u16> = 20_000..32_000;

/// Holds one port of 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Reserves a port that nobody listens on.
    pub(crate) fn reserve() -> Result<Self> {
        let folder = std::env::temp_dir().join("netmarks-ports");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("failed to create the folder of port locks {}", folder.display()))?;
        for number in CANDIDATES {
            let path = folder.join(number.to_string());
            let lock = File::create(&path)
                .with_context(|| format!("failed to create port lock {}", path.display()))?;
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
        bail!("no free TCP port in {CANDIDATES:?} on 127.0.0.1")
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_given_twice_and_comes_back_after_drop() {
        let first = Port::reserve().unwrap();
        let second = Port::reserve().unwrap();
        assert_ne!(first.number(), second.number());
        let number = first.number();
        drop(first);
        // Another test of this process may be quicker, so only that the lock is free can be asserted, by taking it.
        let path = std::env::temp_dir().join("netmarks-ports").join(number.to_string());
        let again = File::create(path).unwrap();
        assert!(matches!(again.try_lock(), Ok(()) | Err(TryLockError::WouldBlock)));
    }
}
