//! Connections that do nothing useful, kept up for as long as they are wanted.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval};

/// How soon a connection that was closed is opened again, and one that drips goes on.
const AGAIN: Duration = Duration::from_secs(1);

/// What a connection that drips reads at a time, in bytes.
const LITTLE: usize = 64;

/// What the members of a flood do with their connections.
#[derive(Clone, Copy, Debug)]
pub enum Habit {
    /// Send this, and nothing more.
    Send(&'static [u8]),
    /// Ask this, and never read the answer.
    NeverRead(&'static [u8]),
    /// Send the first, then the second over and over, and read a little of what comes each time.
    Drip(&'static [u8], &'static [u8]),
}

/// Holds connections, each opened again when the server closes it; all are closed when it is dropped.
#[derive(Debug, Default)]
pub struct Flood {
    members: JoinSet<()>,
}

impl Flood {
    /// Adds so many members.
    pub fn add(&mut self, count: usize, address: SocketAddr, habit: Habit) {
        for number in 0..count {
            // Not all at once: a burst of our own would be measured.
            let first = Instant::now() + AGAIN.mul_f64(number as f64 / count as f64);
            self.members.spawn(member(first, address, habit));
        }
    }
}

async fn member(first: Instant, address: SocketAddr, habit: Habit) {
    let mut again = tokio::time::interval_at(first, AGAIN);
    loop {
        again.tick().await;
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let (Habit::Send(bytes) | Habit::NeverRead(bytes) | Habit::Drip(bytes, _)) = habit;
        if stream.write_all(bytes).await.is_err() {
            continue;
        }
        match habit {
            Habit::Send(_) => {
                // An answer, where there is one, ends the connection as well as a close does.
                let mut answer = [0; 512];
                while stream.read(&mut answer).await.is_ok_and(|read| read > 0) {}
            }
            // Until the other side resets it.
            Habit::NeverRead(_) => drop(stream.ready(tokio::io::Interest::ERROR).await),
            Habit::Drip(_, more) => drip(&mut stream, more, &mut again).await,
        }
    }
}

/// Until the other side closes it.
async fn drip(stream: &mut TcpStream, more: &[u8], ticks: &mut Interval) {
    loop {
        ticks.tick().await;
        if stream.write_all(more).await.is_err() {
            return;
        }
        match stream.try_read(&mut [0; LITTLE]) {
            Ok(0) => return,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => {}
        }
    }
}
