//! A name server that knows one name, for programs whose C library must find it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail};

/// The only port that resolvers ask.
const PORT: u16 = 53;

/// Length of the header of a message.
const HEADER: usize = 12;

/// Ends with the test's process.
pub struct NameServer {
    address: Ipv4Addr,
    asked: Arc<AtomicUsize>,
}

/// A socket at a loopback address where no other name server is, neither the machine's own nor that of another run.
fn bind() -> Result<(Ipv4Addr, UdpSocket)> {
    for last in 1..=u8::MAX {
        let address = Ipv4Addr::new(127, 0, 153, last);
        match UdpSocket::bind((address, PORT)) {
            Ok(socket) => return Ok((address, socket)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("failed to listen at {address}:{PORT}; that takes root"));
            }
        }
    }
    bail!("somebody listens at port {PORT} of every loopback address")
}

/// Answers that `name` is 127.0.0.1, and everything else that there is no such name.
pub fn start(name: &str) -> Result<NameServer> {
    let (address, socket) = bind()?;
    let mut wanted = Vec::new();
    for label in name.split('.') {
        wanted.push(u8::try_from(label.len())?);
        wanted.extend(label.bytes());
    }
    wanted.push(0);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let Some(answer) = answer(&buffer[..length], &wanted) else { continue };
            counter.fetch_add(1, Ordering::Relaxed);
            let _lost = socket.send_to(&answer, client);
        }
    });
    Ok(NameServer { address, asked })
}

impl NameServer {
    /// For `resolv.conf`.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// How many questions it answered.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// RFC 1035, as far as one question goes.
fn answer(query: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let name = query.get(HEADER..)?;
    let end = name.iter().position(|&byte| byte == 0)? + 1;
    // The name, and two bytes each for type and class.
    let question = name.get(..end + 4)?;
    let known = question.get(..end)? == wanted;
    let is_ipv4 = question.get(end..end + 2)? == [0, 1];
    let answers = u8::from(known && is_ipv4);
    let mut message = query.get(..2)?.to_vec();
    // A response, recursion desired and available; then "no error" or "no such name".
    message.extend([0x81, if known { 0x80 } else { 0x83 }]);
    message.extend([0, 1, 0, answers, 0, 0, 0, 0]);
    message.extend(question);
    if answers == 1 {
        // The name of the question, IPv4, internet, a minute, four bytes.
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some(message)
}
