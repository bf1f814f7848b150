//! Bytes on a connection of the scheduler's listener, through real sockets: as they are, in the place of a handshake, and inside of TLS.
//! Each connection ends, no answer is an error of ours, and the scheduler is answered as before.
#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use netmarks::config::Config;
use netmarks::tasks::Tasks;
use netmarks::wiring;
use netmarks_engine::Engine;
use netmarks_server::Tls;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long the server may take to end a connection that said all that it ever will.
const PATIENCE: Duration = Duration::from_secs(10);

/// The scheduler asks after so many connections.
const BETWEEN: u64 = 16;

const QUESTION: &[u8] = b"POST /prioritize HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 134\r\n\r\n\
    {\"Pod\":{\"metadata\":{\"name\":\"p-0\",\"namespace\":\"default\",\"labels\":{\"app\":\"p\"}}},\"NodeNames\":[\"node-1\",\"node-2\",\"node-3\",\"node-4\"]}      ";

struct World {
    _runtime: Runtime,
    _folder: TempDir,
    plain: SocketAddr,
    secure: SocketAddr,
    client: Arc<ClientConfig>,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let file = |name: &str, content: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("the folder takes it");
            path
        };
        let tls = Tls {
            cert_file: Some(file("tls.crt", pair.cert.pem())),
            key_file: Some(file("tls.key", pair.signing_key.serialize_pem())),
            client_ca_file: None,
        };
        let mut roots = RootCertStore::empty();
        roots.add(pair.cert.der().clone()).expect("our own certificate");
        let mut client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

        let mut config = Config::default();
        config.server.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        config.cluster.snapshot_file = Some(root.join("../../host/netmarks/sample/worked-example.json"));
        // On a machine that fuzzes, only a request that is stuck should miss them.
        config.server.request_timeout_ms = 30_000;
        config.policy.limits.deadline_ms = 10_000;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (plain, secure) = runtime.block_on(async {
            let mut tasks = Tasks::default();
            let state = wiring::cluster(&config).expect("the worked example");
            let engine: Engine = wiring::engine(&config).expect("this machine runs wasmtime");
            let here = netmarks_policies::Compiling::Here;
            let scoring =
                wiring::scoring(engine, &config, state, here, &mut tasks).await.expect("the built-in policy");
            let plain = wiring::listeners(&config, &scoring, &mut tasks).await.expect("a free port");
            config.server.tls = tls;
            let secure = wiring::listeners(&config, &scoring, &mut tasks).await.expect("a free port");
            tokio::spawn(async move { tasks.run(std::future::pending(), Duration::ZERO).await });
            (plain, secure)
        });
        Self { _runtime: runtime, _folder: folder, plain, secure, client: Arc::new(client) }
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Says all of it and reads until the other side has said all. What the server does not want to hear, it need not take.
fn exchange(mut stream: impl Read + Write, end: impl FnOnce(&mut dyn Write), bytes: &[u8]) -> Vec<u8> {
    if stream.write_all(bytes).is_ok() {
        end(&mut stream);
    }
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert!(error.kind() != std::io::ErrorKind::WouldBlock, "the connection does not end");
    }
    answer
}

fn over_tcp(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let stream = connect(address);
    let half = stream.try_clone().expect("a second handle");
    exchange(stream, move |_| drop(half.shutdown(Shutdown::Write)), bytes)
}

fn over_tls(bytes: &[u8], only_http1: bool) -> Vec<u8> {
    let mut config = (*WORLD.client).clone();
    if only_http1 {
        config.alpn_protocols.remove(0);
    }
    let name = ServerName::try_from("localhost").expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = connect(WORLD.secure);
    connection.complete_io(&mut stream).expect("a handshake between ours");
    let half = stream.try_clone().expect("a second handle");
    let stream = StreamOwned::new(connection, stream);
    exchange(stream, move |stream| drop((stream.flush(), half.shutdown(Shutdown::Write))), bytes)
}

fuzz_target!(|bytes: &[u8]| {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let Some((way, bytes)) = bytes.split_first() else { return };
    let answer = match way % 8 {
        0..5 => over_tcp(WORLD.plain, bytes),
        5 => over_tcp(WORLD.secure, bytes),
        6 => over_tls(bytes, true),
        _ => over_tls(bytes, false),
    };
    assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
    if COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % BETWEEN == 0 {
        // Its other half stays open: who hangs up is not answered.
        let answer = exchange(connect(WORLD.plain), |_| (), QUESTION);
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("\"Host\":\"node-3\",\"Score\":10"),
            "{answer}"
        );
    }
});
