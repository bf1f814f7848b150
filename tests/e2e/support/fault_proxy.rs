//! A TCP proxy between two real processes that fails as networks and servers do, for as long as it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is wrong with the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    /// Whatever arrives is handed on so much later.
    Slow(Duration),
    /// Connections end, and new ones end at once.
    Cut,
    /// Connections stay open and say nothing, also those that are made now. When it is over, they end.
    HalfOpen,
    /// Whoever asks, gets this, whatever the question.
    Answers(&'static [u8]),
}

impl Fault {
    fn carries(self) -> bool {
        matches!(self, Self::Nothing | Self::Slow(_))
    }
}

/// In the place of one address.
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
}

impl FaultProxy {
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (fault, now) = watch::channel(Fault::Nothing);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // However a connection ends, the other side sees it.
                tokio::spawn(carry(client, target, now.clone()));
            }
        });
        Ok(Self { address, fault })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr, mut fault: watch::Receiver<Fault>) -> Result<()> {
    let begun = *fault.borrow_and_update();
    if begun.carries() {
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = TcpStream::connect(target).await?.into_split();
        let mut ends = [(from_client, to_server), (from_server, to_client)];
        let [there, back] = &mut ends;
        tokio::select! {
            _ = futures::future::try_join(pump(there, fault.clone()), pump(back, fault.clone())) => {}
            broken = fault.wait_for(|fault| !fault.carries()) => drop(broken?),
        }
        fault.wait_for(|fault| *fault != Fault::HalfOpen).await?;
        drop(ends);
        return Ok(());
    }
    match begun {
        Fault::Answers(text) => {
            // Until it has asked: a client may not listen before.
            if client.read(&mut [0; 1 << 16]).await? > 0 {
                client.write_all(text).await?;
            }
        }
        Fault::HalfOpen => drop(fault.wait_for(|fault| *fault != Fault::HalfOpen).await?),
        Fault::Nothing | Fault::Slow(_) | Fault::Cut => {}
    }
    Ok(())
}

/// Hands on until the one side ends, and tells the other.
async fn pump((from, to): &mut (OwnedReadHalf, OwnedWriteHalf), fault: watch::Receiver<Fault>) -> Result<()> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(to.shutdown().await?);
        }
        let now = *fault.borrow();
        if let Fault::Slow(delay) = now {
            tokio::time::sleep(delay).await;
        }
        to.write_all(bytes.get(..read).unwrap_or_default()).await?;
    }
}
