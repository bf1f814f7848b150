#!/usr/bin/env python3
"""Renews what the tests of host/artefacts hold of programs that take minutes to build.

    tests/tools/registry-fixtures/renew.py cosign    # signatures that cosign made, and ours that it verified
    tests/tools/registry-fixtures/renew.py wkg       # a component that wkg pushed, and ours that it pulled
    tests/tools/registry-fixtures/renew.py oras      # the same for oras

Needs docker-registry; for cosign Go and OpenSSL, for wkg cargo, for oras Go. cosign is built from tests/tools/go/cosign, the others
by cargo and Go from their registries, once.
Nothing is sent to a public service: the signing configuration names none. Keys and certificates are new with each run.
"""

import base64
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = ROOT / "host/artefacts/tests/data"
WKG = "0.16.1"
ORAS = "v1.3.0"
# The smallest component.
COMPONENT = b"\0asm\x0d\0\1\0"
POLICY = b"a policy"
IDENTITY = "ci@example.com"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
YEARS = "36500"


def run(*command, cwd=None, environment=None):
    environment = {**os.environ, "COSIGN_PASSWORD": "", "COSIGN_YES": "true", "CGO_ENABLED": "0", **(environment or {})}
    subprocess.run([str(part) for part in command], cwd=cwd, env=environment, check=True)


def keys_and_certificates(work, cosign):
    """A key, and a certificate of a private authority for another."""
    for name in ["key", "leaf"]:
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", work / f"{name}.pem")
        run(cosign, "import-key-pair", "--key", work / f"{name}.pem", "--output-key-prefix", work / name)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", YEARS,
        "-subj", "/CN=an authority", "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
        "keyUsage=critical,keyCertSign", "-keyout", work / "authority.key", "-out", work / "authority.pem")
    run("openssl", "req", "-new", "-key", work / "leaf.pem", "-subj", "/CN=a pipeline", "-out", work / "leaf.csr")
    extensions = work / "leaf.cnf"
    extensions.write_text(f"keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"
                          f"subjectAltName=email:{IDENTITY}\n")
    run("openssl", "x509", "-req", "-in", work / "leaf.csr", "-CA", work / "authority.pem", "-CAkey",
        work / "authority.key", "-days", YEARS, "-extfile", extensions, "-out", work / "leaf.crt")


def sign_files(work, cosign):
    policy, services = work / "a-policy.wasm", work / "services.json"
    policy.write_bytes(POLICY)
    run(cosign, "signing-config", "create", "--out", services)
    nobody = ["--signing-config", services]
    run(cosign, "sign-blob", "--key", work / "key.key", *nobody, "--bundle", work / "key.sigstore.json", policy)
    # Its flags for certificates check the chain by themselves.
    run(cosign, "sign-blob", "--key", work / "leaf.key", *nobody, "--certificate", work / "leaf.crt",
        "--certificate-chain", work / "authority.pem", "--bundle", work / "certificate.sigstore.json", policy)
    (work / "predicate.json").write_text("{}")
    run(cosign, "attest-blob", "--key", work / "key.key", *nobody, "--type", "vuln", "--predicate",
        work / "predicate.json", "--bundle", work / "attestation.sigstore.json", policy)
    run(cosign, "sign-blob", "--key", work / "key.key", "--use-signing-config=false", "--tlog-upload=false",
        "--new-bundle-format=false", "--bundle", work / "legacy.json", "--output-signature", work / "legacy.sig", policy)


class Registry:
    def __init__(self, work):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        config = work / "registry.yaml"
        config.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(work / "registry")}},
                                      "http": {"addr": self.address}}))
        with open(work / "registry.log", "w") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
        while True:
            try:
                self.get("/v2/")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)

    def get(self, path):
        request = urllib.request.Request(f"http://{self.address}{path}", headers={"accept": MANIFESTS})
        with urllib.request.urlopen(request) as answer:
            return answer.headers.get("content-type"), answer.read()

    def dump(self, repository):
        """Every manifest and blob of a repository, in the order in which a registry takes them."""
        tags = json.loads(self.get(f"/v2/{repository}/tags/list")[1])["tags"]
        manifests, blobs = {}, {}

        def walk(name):
            media_type, text = self.get(f"/v2/{repository}/manifests/{name}")
            manifest = json.loads(text)
            for listed in manifest.get("manifests", []):
                walk(listed["digest"])
            for blob in [manifest.get("config"), *manifest.get("layers", [])]:
                if blob:
                    blobs[blob["digest"]] = base64.b64encode(
                        self.get(f"/v2/{repository}/blobs/{blob['digest']}")[1]).decode()
            manifests[name] = {"mediaType": media_type, "text": text.decode()}

        for tag in sorted(tags, key=len):
            walk(tag)
        return {"manifests": [{"name": name, **manifest} for name, manifest in manifests.items()],
                "blobs": list(blobs.values())}


def sign_manifests(work, cosign, netmarks):
    registry = Registry(work)
    try:
        manifest = None
        for repository in ["signed", "certified", "legacy", "attested", "ours"]:
            key = ["--key", work / "key.pem"] if repository == "ours" else []
            run(netmarks, "policy", "push", work / "a-policy.wasm", "--registry", f"{registry.address}/{repository}:v1", *key)
            manifest = hashlib.sha256(registry.get(f"/v2/{repository}/manifests/v1")[1]).hexdigest()
        image = lambda repository: f"{registry.address}/{repository}@sha256:{manifest}"
        nobody = ["--signing-config", work / "services.json"]
        run(cosign, "sign", "--key", work / "key.key", *nobody, image("signed"))
        run(cosign, "sign", "--key", work / "leaf.key", *nobody, "--certificate", work / "leaf.crt",
            "--certificate-chain", work / "authority.pem", image("certified"))
        run(cosign, "sign", "--key", work / "key.key", "--use-signing-config=false", "--tlog-upload=false",
            "--new-bundle-format=false", image("legacy"))
        run(cosign, "attest", "--key", work / "key.key", *nobody, "--type", "vuln", "--predicate",
            work / "predicate.json", image("attested"))
        # The other direction: cosign verifies what netmarks signed, in a registry and beside a file.
        verify = ["--key", work / "key.pub", "--insecure-ignore-tlog=true"]
        run(cosign, "verify", *verify, image("ours"))
        folder = work / "folder"
        folder.mkdir()
        run(netmarks, "policy", "push", work / "a-policy.wasm", "--folder", folder, "--key", work / "key.pem")
        run(cosign, "verify-blob", *verify, "--bundle", folder / "a-policy.wasm.sigstore.json", work / "a-policy.wasm")
        for repository in ["signed", "certified", "legacy", "attested", "ours"]:
            dump = json.dumps(registry.dump(repository), indent=1)
            (DATA / "cosign" / f"{repository}.registry.json").write_text(dump + "\n")
        (DATA / "cosign/ours.sigstore.json").write_bytes((folder / "a-policy.wasm.sigstore.json").read_bytes())
    finally:
        registry.process.terminate()
        registry.process.wait()


def build_netmarks():
    run("cargo", "build", "--workspace", "--bin", "netmarks", cwd=ROOT)
    return ROOT / "target/debug/netmarks"


def cache():
    """Where the tests keep what they build, too."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("NETMARKS_CACHE") or pathlib.Path(base) / "netmarks")


def renew_cosign(work):
    cosign = work / "cosign"
    run("go", "build", "-trimpath", "-mod=readonly", "-buildvcs=false", "-o", cosign,
        "github.com/sigstore/cosign/v3/cmd/cosign", cwd=ROOT / "tests/tools/go/cosign")
    keys_and_certificates(work, cosign)
    sign_files(work, cosign)
    sign_manifests(work, cosign, build_netmarks())
    for name in ["key.pem", "key.pub", "authority.pem", "key.sigstore.json", "certificate.sigstore.json",
                 "attestation.sigstore.json", "legacy.json", "legacy.sig"]:
        (DATA / "cosign" / name).write_bytes((work / name).read_bytes())


def renew_wkg(work):
    home = cache() / f"wkg-{WKG}"
    wkg = home / "bin/wkg"
    if not wkg.exists():
        run("cargo", "install", "wkg", "--version", WKG, "--locked", "--profile", "dev", "--root", home)

    def push(address, image, component):
        run(wkg, "oci", "push", "--insecure", address, image, component)

    def pull(address, image, folder):
        run(wkg, "oci", "pull", "--insecure", address, image, "--output", folder / "component.wasm")

    exchange(work, "wkg", push, pull)


def renew_oras(work):
    home = cache() / f"oras-{ORAS}"
    oras = home / "oras"
    if not oras.exists():
        run("go", "install", f"oras.land/oras/cmd/oras@{ORAS}", environment={"GOBIN": str(home), "GOFLAGS": "-mod=mod"})

    def push(_, image, component):
        # As its documentation has it for artefacts of one file; oras takes the file's name as it is given.
        run(oras, "push", "--plain-http", image, f"{component.name}:application/wasm", cwd=component.parent)

    def pull(_, image, folder):
        run(oras, "pull", "--plain-http", image, "--output", folder)

    exchange(work, "oras", push, pull)


def exchange(work, tool, push, pull):
    """The tool pushes a component; netmarks pushes one, which the tool pulls."""
    netmarks, registry = build_netmarks(), Registry(work)
    try:
        component, pulled = work / "component.wasm", work / "pulled"
        component.write_bytes(COMPONENT)
        pulled.mkdir()
        push(registry.address, f"{registry.address}/{tool}:v1", component)
        run(netmarks, "policy", "push", component, "--registry", f"{registry.address}/ours:v1")
        pull(registry.address, f"{registry.address}/ours:v1", pulled)
        if (pulled / "component.wasm").read_bytes() != COMPONENT:
            sys.exit(f"{tool} pulled something else than netmarks pushed")
        for repository in [tool, "ours"]:
            dump = json.dumps(registry.dump(repository), indent=1)
            (DATA / tool / f"{repository}.registry.json").write_text(dump + "\n")
    finally:
        registry.process.terminate()
        registry.process.wait()


def main():
    kinds = {"cosign": renew_cosign, "wkg": renew_wkg, "oras": renew_oras}
    if len(sys.argv) != 2 or sys.argv[1] not in kinds:
        sys.exit(__doc__)
    kind = sys.argv[1]
    (DATA / kind).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        kinds[kind](pathlib.Path(work))
    print(f"wrote {(DATA / kind).relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
