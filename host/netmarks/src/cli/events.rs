//! Server-sent events, out of the parts in which they arrive.

use anyhow::{Result, bail};

/// The longest event that is taken.
const LONGEST: usize = 1 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) data: String,
}

/// Holds what of an event has arrived.
#[derive(Debug, Default)]
pub(super) struct Events {
    rest: Vec<u8>,
    event: Event,
}

impl Events {
    /// The events that are whole with `part`.
    ///
    /// # Errors
    /// If one is longer than any that the server sends.
    pub(super) fn take(&mut self, part: &[u8]) -> Result<Vec<Event>> {
        self.rest.extend_from_slice(part);
        let mut whole = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']), &mut whole);
        }
        if self.rest.len() + self.event.data.len() > LONGEST {
            bail!("an event has more than {LONGEST} bytes");
        }
        Ok(whole)
    }

    fn line(&mut self, line: &str, whole: &mut Vec<Event>) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // A comment, or an end without an event.
            if event != Event::default() {
                whole.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let sent = "event: hello\ndata: {}\n\n: still here\n\nevent: decision\r\nid: a-1\r\ndata: {\"é\":\ndata: 1}\r\n\r\n";
        let event = |name: &str, id: Option<&str>, data: &str| Event {
            name: name.to_owned(),
            id: id.map(str::to_owned),
            data: data.to_owned(),
        };
        let expected = [event("hello", None, "{}"), event("decision", Some("a-1"), "{\"é\":\n1}")];
        for size in 1..sent.len() {
            let mut events = Events::default();
            let taken: Vec<Event> =
                sent.as_bytes().chunks(size).flat_map(|part| events.take(part).unwrap()).collect();
            assert_eq!(taken, expected, "in parts of {size}");
        }
    }

    mod hostile {
        use super::*;

        #[test]
        fn an_event_without_end_is_given_up() {
            let mut events = Events::default();
            let part = [b'x'; 1 << 16];
            assert!((0..32).any(|_| events.take(&part).is_err()));
        }
    }
}
