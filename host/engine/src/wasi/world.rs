//! What one call can change by calling WASI: what it printed, which random number comes next, what it holds.
//!
//! Made at the first such call, so that a policy which never calls WASI does not pay for it.

use super::fault::WasiFault;
use crate::limits::Limits;

/// Streams and events that a call may hold at once. Runtimes hold a dozen; each takes some bytes of the host.
const HANDLES: u32 = 1_024;

/// Most random bytes of one question: runtimes ask for a seed.
const RANDOM_BYTES: u64 = 4_096;

/// Where the numbers start. Every call sees the same ones: a policy must not score by luck.
const SEED: u64 = 0x6e65_746d_6172_6b73;

/// Holds what a call changed.
#[derive(Debug)]
pub(crate) struct World {
    handles: u32,
    random: u64,
    stdout: Tail,
    stderr: Tail,
}

impl Default for World {
    fn default() -> Self {
        Self { handles: 0, random: SEED, stdout: Tail::default(), stderr: Tail::default() }
    }
}

/// The end of what was printed: an interpreter's last words say what went wrong, its first ones where it began.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn write(&mut self, bytes: &[u8]) {
        let most = Limits::LOG_MESSAGE_BYTES;
        self.0.extend_from_slice(bytes.get(bytes.len().saturating_sub(most)..).unwrap_or_default());
        self.0.drain(..self.0.len().saturating_sub(most));
    }

    fn take(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.0);
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

/// Where a guest can print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Stdout,
    Stderr,
}

impl World {
    pub(super) fn print(&mut self, output: Output, bytes: &[u8]) {
        match output {
            Output::Stdout => self.stdout.write(bytes),
            Output::Stderr => self.stderr.write(bytes),
        }
    }

    /// The ends of stdout and stderr, if anything was printed there.
    pub(crate) fn printed(&mut self) -> (Option<String>, Option<String>) {
        (self.stdout.take(), self.stderr.take())
    }

    pub(super) fn open(&mut self) -> Result<(), WasiFault> {
        if self.handles >= HANDLES {
            return Err(WasiFault::TooMany { what: "streams and events" });
        }
        self.handles += 1;
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.handles = self.handles.saturating_sub(1);
    }

    /// The next number of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, and good enough for hash seeds.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn random_bytes(&mut self, count: u64) -> Result<Vec<u8>, WasiFault> {
        if count > RANDOM_BYTES {
            return Err(WasiFault::TooMany { what: "random bytes" });
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < count {
            bytes.extend(self.random().to_le_bytes());
        }
        bytes.truncate(usize::try_from(count).unwrap_or(0));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_printed_last_is_kept() {
        let mut world = World::default();
        for line in 0..1_000 {
            world.print(Output::Stderr, format!("line {line}\n").as_bytes());
        }
        world.print(Output::Stdout, &[b'x'; 5_000]);
        let (stdout, stderr) = world.printed();
        assert_eq!(stdout.unwrap(), "x".repeat(Limits::LOG_MESSAGE_BYTES));
        let stderr = stderr.unwrap();
        assert!(
            stderr.ends_with("line 998\nline 999") && stderr.len() <= Limits::LOG_MESSAGE_BYTES,
            "{stderr}"
        );
        assert_eq!(world.printed(), (None, None));
    }

    #[test]
    fn random_numbers_are_the_same_in_every_call_and_differ_within_one() {
        let (mut one, mut other) = (World::default(), World::default());
        let bytes = one.random_bytes(13).unwrap();
        assert_eq!(bytes.len(), 13);
        assert_eq!(bytes, other.random_bytes(13).unwrap());
        assert_ne!(bytes, one.random_bytes(13).unwrap());
        assert!(one.random_bytes(RANDOM_BYTES + 1).is_err());
    }

    #[test]
    fn handles_are_counted() {
        let mut world = World::default();
        for _ in 0..HANDLES {
            world.open().unwrap();
        }
        assert!(world.open().is_err());
        world.close();
        world.open().unwrap();
    }
}
