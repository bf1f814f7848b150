//! The container image, built as `docs/image.md` says: pushed to a registry, pulled into an empty storage, looked at, and
//! run from there as a container runtime would, beside a real control plane.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]
#![allow(unreachable_pub, reason = "modules of a test are what they are elsewhere")]
#![allow(clippy::print_stderr, reason = "sizes are for whoever reads the test's output")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::container::Image;
use crate::support::typed::typed;
use anyhow::{Context as _, Result, ensure};
use netmarks_test_cluster::documents::blocks;
use netmarks_test_cluster::process::Process;
use netmarks_test_cluster::{
    Binaries, ControlPlane, NodeSpec, OciOptions, OciRegistry, Options, repository, until,
};
use serde_json::{Value, json};

/// Longest wait for anything; far above what it takes.
const LIMIT: Duration = Duration::from_secs(90);

/// Bytes; what the image may be at most, uncompressed.
const MOST: u64 = 60_000_000;

/// Everything in the image that is not a folder. In particular no shell, no package manager, no libraries.
const FILES: [&str; 7] = [
    "etc/group",
    "etc/nsswitch.conf",
    "etc/passwd",
    "etc/ssl/certs/ca-certificates.crt",
    "usr/local/bin/netmarks",
    "usr/share/licenses/netmarks/LICENSE",
    "usr/share/sbom/netmarks.cdx.json",
];

const USER: u32 = 65_532;

const REVISION: &str = "org.opencontainers.image.revision";

fn read(path: &str) -> String {
    repository::read(path).unwrap()
}

/// Builds and pushes it as the document says, but leaves what it makes in `folder`, where no other run looks; returns how it is
/// called in the registry.
fn push(registry: &OciRegistry, folder: &Path) -> Result<String> {
    let document = read("docs/image.md");
    let blocks = blocks(&document, "Build it without a container engine").context("no such section")?;
    let commands: Vec<&str> =
        blocks.iter().filter(|block| block.kind == "sh").map(|block| block.text.as_str()).collect();
    ensure!(commands.len() == 2, "{commands:?}");
    let image = "cargo xtask image";
    let elsewhere = commands.join("\n").replace(image, &format!("{image} --output {}", folder.display()));
    typed(&with_program(&elsewhere), &repository(""), &[("REGISTRY", registry.address())])?;
    Ok(format!("{}/netmarks:{}", registry.address(), env!("CARGO_PKG_VERSION")))
}

/// The same command, which packs the program that this run has compiled for the image instead of compiling it again.
fn with_program(command: &str) -> String {
    command.replace("cargo xtask image", "cargo xtask image --program target/image/netmarks")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_is_pushed_pulled_small_closed_and_runs() {
    let registry = OciRegistry::start(OciOptions::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let reference = push(&registry, folder.path()).unwrap();
    let image = Image::pull(&reference).unwrap();
    size(&image, &registry).await.unwrap();
    configuration(&image).unwrap();
    content(&image).unwrap();
    dockerfile(&image).unwrap();
    bill_of_materials(&image, folder.path()).unwrap();
    commands(image).unwrap();
    service(Image::pull(&reference).unwrap()).await.unwrap();
}

async fn size(image: &Image, registry: &OciRegistry) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let url = format!("http://{}/v2/netmarks/manifests/{version}", registry.address());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request = client.get(url).header("Accept", "application/vnd.oci.image.manifest.v1+json");
    let manifest: Value = request.send().await?.error_for_status()?.json().await?;
    let layers = manifest["layers"].as_array().context("no layers")?;
    let compressed: u64 = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();
    let bytes: u64 = image.entries.iter().map(|entry| entry.bytes).sum();
    eprintln!("image: {bytes} bytes, {compressed} compressed");
    ensure!(compressed > 0 && compressed < bytes && bytes < MOST, "more than {MOST} bytes");
    Ok(())
}

fn configuration(image: &Image) -> Result<()> {
    let config = &image.config["config"];
    assert_eq!(config["User"], format!("{USER}:{USER}"));
    assert_eq!(config["Entrypoint"], json!(["/usr/local/bin/netmarks"]));
    assert_eq!(config["Cmd"], json!(["serve"]));
    let labels = config["Labels"].as_object().context("no labels")?;
    let label = |name: &str| labels[&format!("org.opencontainers.image.{name}")].as_str().unwrap();
    assert_eq!((label("title"), label("licenses")), ("netmarks", "Apache-2.0"));
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    // What `docker build` without arguments says, too.
    assert!(read("deploy/image/Dockerfile").contains(&format!("ARG VERSION={}\n", label("version"))));
    let commit = label("revision").trim_end_matches("-dirty");
    assert!(commit == "unknown" || commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()));
    assert!(label("description").contains("kube-scheduler extender"));
    assert_eq!(labels.len(), 5, "{labels:?}");
    Ok(())
}

fn content(image: &Image) -> Result<()> {
    for entry in &image.entries {
        let folder = entry.path.ends_with('/');
        let expected = match entry.path.as_str() {
            _ if folder => "drwxr-xr-x",
            "usr/local/bin/netmarks" => "-rwxr-xr-x",
            _ => "-rw-r--r--",
        };
        assert_eq!((entry.mode.as_str(), entry.owner.as_str()), (expected, "0/0"), "{}", entry.path);
    }
    let mut files: Vec<&str> = image.entries.iter().map(|entry| entry.path.as_str()).collect();
    files.retain(|path| !path.ends_with('/'));
    files.sort_unstable();
    let mut expected = FILES;
    expected.sort_unstable();
    assert_eq!(files, expected);
    let authorities = fs::read_to_string(image.root().join("etc/ssl/certs/ca-certificates.crt"))?;
    assert!(authorities.matches("-----BEGIN CERTIFICATE-----").count() > 100);
    let user = format!("netmarks:x:{USER}:{USER}:");
    assert!(fs::read_to_string(image.root().join("etc/passwd"))?.lines().any(|line| line.starts_with(&user)));
    Ok(())
}

/// What the Dockerfile's builder stage runs makes the files that are in the image, and its last stage says of them what the image
/// says: so with a container engine, too, it is the same image.
fn dockerfile(image: &Image) -> Result<()> {
    let text = read("deploy/image/Dockerfile").replace("\\\n", " ");
    // As instruction and rest, of each stage.
    let stages: Vec<Vec<(&str, &str)>> = text
        .split("\nFROM ")
        .map(|stage| stage.lines().filter_map(|line| line.trim_start().split_once(' ')).collect())
        .collect();
    let all = |stage: usize, wanted: &str| -> Vec<&str> {
        stages[stage]
            .iter()
            .filter(|(instruction, _)| *instruction == wanted)
            .map(|(_, rest)| *rest)
            .collect()
    };
    let only = |stage: usize, wanted: &str| -> Result<&str> {
        let found = all(stage, wanted);
        ensure!(found.len() == 1, "{wanted}: {found:?}");
        Ok(found[0])
    };
    assert_eq!(stages.len(), 4, "the comments, the builder, the files, the image");
    let (build, output) = only(1, "RUN")?.rsplit_once(' ').context("RUN of one word")?;
    assert_eq!(build, "cargo xtask image --files-only --output");
    assert_eq!(only(2, "COPY")?, format!("--from=build {output}/files/ /"));
    assert_eq!(only(3, "COPY")?, "--from=files --chown=0:0 / /");

    let made = tempfile::tempdir()?;
    typed(&with_program(&format!("{build} {}", made.path().display())), &repository(""), &[])?;
    for file in FILES {
        let (made, pulled) = (made.path().join("files").join(file), image.root().join(file));
        assert!(fs::read(&made)? == fs::read(&pulled)?, "{file} is another");
        let mode = |path: &Path| fs::metadata(path).map(|metadata| metadata.permissions().mode());
        assert_eq!(mode(&made)?, mode(&pulled)?, "{file}");
    }
    let made = Command::new("find").arg(made.path().join("files")).args(["-not", "-type", "d"]).output()?;
    assert_eq!(String::from_utf8(made.stdout)?.lines().count(), FILES.len());

    let config = &image.config["config"];
    assert_eq!(config["User"], only(3, "USER")?);
    for (instruction, key) in [("ENTRYPOINT", "Entrypoint"), ("CMD", "Cmd")] {
        assert_eq!(config[key], serde_json::from_str::<Value>(only(3, instruction)?)?, "{instruction}");
    }
    // Whoever builds gives version and revision.
    let labels = only(3, "LABEL")?.replace("${VERSION}", env!("CARGO_PKG_VERSION"));
    let labels = labels.replace("${REVISION}", config["Labels"][REVISION].as_str().context("no revision")?);
    let mut words = labels.split('"');
    let mut stated = json!({});
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        stated[name.trim().trim_end_matches('=')] = json!(value);
    }
    assert_eq!(config["Labels"], stated);
    assert_eq!(all(3, "ENV").len() + all(3, "EXPOSE").len() + all(3, "VOLUME").len(), 0);
    Ok(())
}

/// Name, version and licence of what is linked in, as in Cargo.lock; and nothing of what is not.
fn bill_of_materials(image: &Image, beside: &Path) -> Result<()> {
    let text = fs::read_to_string(image.root().join("usr/share/sbom/netmarks.cdx.json"))?;
    let beside = fs::read_to_string(beside.join("netmarks.cdx.json"))?;
    assert_eq!(text, beside, "the one beside the image is the one in it");
    let sbom: Value = serde_json::from_str(&text)?;
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert_eq!(sbom["metadata"]["component"]["name"], "netmarks");
    let components = sbom["components"].as_array().context("no components")?;
    let lock = read("Cargo.lock");
    for (name, licence) in [
        ("wasmtime", "Apache-2.0 WITH LLVM-exception"),
        ("kube", "Apache-2.0"),
        ("rustls", "Apache-2.0 OR ISC OR MIT"),
    ] {
        let component = components.iter().find(|component| component["name"] == name).context(name)?;
        let version = component["version"].as_str().context("no version")?;
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{name} {version}");
        assert_eq!(component["licenses"][0]["expression"], licence, "{name}");
        assert_eq!(component["purl"], format!("pkg:cargo/{name}@{version}"));
    }
    for component in components {
        let name = component["name"].as_str().context("no name")?;
        assert!(component["licenses"][0]["expression"].is_string(), "{name} has no licence");
        // Of tests, of builds, and of features that others use.
        assert!(!["proptest", "rcgen", "syn", "wasmtime-internal-fiber"].contains(&name), "{name}");
    }
    for name in ["glibc", "ca-certificates", "rust-std"] {
        assert!(components.iter().any(|component| component["name"] == name), "{name}");
    }
    // A witness that asks no tool: messages of panics in the program name the file, and with it the crate.
    let program = fs::read(image.root().join("usr/local/bin/netmarks"))?;
    let program = String::from_utf8_lossy(&program);
    let sources = program.split("/cargo/registry/src/").skip(1);
    let witnessed: BTreeSet<&str> = sources.filter_map(|rest| rest.split('/').nth(1)).collect();
    assert!(witnessed.len() > 50, "{witnessed:?}");
    let listed: BTreeSet<String> = components
        .iter()
        .filter_map(|component| {
            Some(format!("{}-{}", component["name"].as_str()?, component["version"].as_str()?))
        })
        .collect();
    let unlisted: Vec<&&str> = witnessed.iter().filter(|name| !listed.contains(**name)).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
    for folder in [netmarks_test_cluster::cache_folder()?, repository("").canonicalize()?] {
        assert!(!program.contains(&*folder.to_string_lossy()), "it names {}", folder.display());
    }
    Ok(())
}

/// What it does without a cluster.
fn commands(mut image: Image) -> Result<()> {
    let said = |result: Result<String, String>| result.map_err(anyhow::Error::msg);
    let version = said(image.run(&["-V"])?)?;
    assert_eq!(version.trim_end(), format!("netmarks {}", env!("CARGO_PKG_VERSION")));
    let ranking = said(image.run(&["demo", "--once"])?)?;
    assert_eq!(ranking, read("host/netmarks/tests/golden/demo-once.txt"));
    image.mount(&repository("policies").canonicalize()?, "/policies")?;
    let inspected = said(image.run(&["policy", "inspect", "/policies/zone-cost.wasm"])?)?;
    // The golden file leaves size and digest out.
    let of_interest = |text: &str| -> Vec<String> {
        let varies = |line: &&str| line.starts_with("size") || line.starts_with("digest");
        text.lines().filter(|line| !varies(line)).map(str::to_owned).collect()
    };
    assert_eq!(of_interest(&inspected), of_interest(&read("host/netmarks/tests/golden/policy-inspect.txt")));
    // A trap is a signal, which a handler of this program must get.
    image.mount(&repository("target/guests").canonicalize()?, "/guests")?;
    let trapped = image.output(&["policy", "inspect", "/guests/trap-describe.wasm", "-o", "json"])?;
    assert_eq!(trapped.status.code(), Some(3), "refused");
    let trapped: Value = serde_json::from_slice(&trapped.stdout)?;
    assert_eq!(trapped["refused"]["cause"], "trap", "{trapped}");
    let refused = image.run(&["policy", "new", "mine", "--lang", "rust"])?.unwrap_err();
    assert!(refused.contains("Read-only file system"), "{refused}");
    Ok(())
}

/// `netmarks serve` in a container with what a pod has: a configuration, a folder for its state, names from DNS.
async fn service(mut image: Image) -> Result<()> {
    let plane =
        ControlPlane::start(&Binaries::ensure(&|line| eprintln!("{line}"))?, Options::default()).await?;
    plane.create_nodes(&NodeSpec::numbered(3)).await?;
    let folder = tempfile::tempdir()?;
    let (mounted, state) = (folder.path().join("mounted"), folder.path().join("state"));
    fs::create_dir(&mounted)?;
    fs::create_dir(&state)?;
    chown(&state, Some(USER), Some(USER))?;
    let kubeconfig: Value = serde_json::from_str(&fs::read_to_string(plane.kubeconfig())?)?;
    let authority =
        kubeconfig["clusters"][0]["cluster"]["certificate-authority"].as_str().context("no CA")?;
    fs::copy(authority, mounted.join("ca.crt"))?;
    let kubeconfig = kubeconfig.to_string().replace(authority, "/etc/netmarks/ca.crt");
    fs::write(mounted.join("kubeconfig"), kubeconfig)?;
    let config = json!({
        "server": {"listen": "127.0.0.1:0", "request_timeout_ms": 30_000},
        "admin": {"listen": "127.0.0.1:0"},
        "cluster": {"kubeconfig": "/etc/netmarks/kubeconfig"},
        "policies": {"state_folder": "/var/lib/netmarks"},
        "policy": {"limits": {"deadline_ms": 10_000}},
        "log": {"format": "json"},
    });
    fs::write(mounted.join("config.yaml"), config.to_string())?;
    fs::copy(repository::policy_file("spread"), mounted.join("spread.wasm"))?;
    for file in fs::read_dir(&mounted)? {
        fs::set_permissions(file?.path(), fs::Permissions::from_mode(0o644))?;
    }
    let hosts = folder.path().join("hosts");
    fs::write(&hosts, "127.0.0.1 hosts.localhost\n")?;
    let resolver = folder.path().join("resolv.conf");
    let names = crate::support::name_server::start("dns.localhost")?;
    fs::write(&resolver, format!("nameserver {}\n", names.address()))?;
    image.mount(&mounted, "/etc/netmarks")?;
    image.mount(&state, "/var/lib/netmarks")?;
    image.mount(&hosts, "/etc/hosts")?;
    image.mount(&resolver, "/etc/resolv.conf")?;

    let arguments = ["serve", "--config", "/etc/netmarks/config.yaml"];
    let mut serving = image.program(&arguments, folder.path())?.start()?;
    let address = logged(&mut serving, "listening").await?;
    let admin = logged(&mut serving, "listening for changes of policies").await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let get = async |path: &str| -> Result<String> {
        Ok(client.get(format!("http://{address}{path}")).send().await?.error_for_status()?.text().await?)
    };
    until("it is ready", LIMIT, async || {
        serving.check_alive()?;
        get("/readyz").await.map(Some)
    })
    .await?;
    let snapshot: Value = serde_json::from_str(&get("/v1/snapshot").await?)?;
    assert_eq!(snapshot["nodes"].as_array().map(Vec::len), Some(3), "it sees the cluster");
    let status = fs::read_to_string(format!("/proc/{}/status", serving.id().context("it ended")?))?;
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(field("Uid:"), [USER.to_string().as_str(); 4].join("\t"));
    assert_eq!((field("CapEff:").as_str(), field("NoNewPrivs:").as_str()), ("0000000000000000", "1"));

    // The child that compiles, the state, and names: each call is a container of its own.
    let port = admin.rsplit(':').next().context("no port")?;
    let (hosts, dns) = (format!("http://hosts.localhost:{port}"), format!("http://dns.localhost:{port}"));
    let push = ["policy", "push", "/etc/netmarks/spread.wasm", "--mode", "active", "--server", &hosts];
    image.run(&push)?.map_err(anyhow::Error::msg)?;
    let list = ["policy", "list", "-o", "json", "--server", &dns];
    let listed: Value = serde_json::from_str(&image.run(&list)?.map_err(anyhow::Error::msg)?)?;
    assert!(listed.to_string().contains("\"spread\""), "{listed}");
    assert!(names.asked() > 0, "the name was looked up");
    assert!(fs::read_dir(&state)?.count() > 0, "what is live was written down");
    Ok(())
}

/// The address in the first line of the log with this message.
async fn logged(process: &mut Process, message: &str) -> Result<String> {
    until(&format!("`{message}` is in the log"), LIMIT, async || {
        process.check_alive()?;
        Ok(process.addresses(message)?.into_iter().next())
    })
    .await
}
