//! The commands and the admin listener of the real program: what they change, what they say, what they log.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use crate::support::admin::{Administered, BY_RANK, BY_SPREAD, BY_TRAFFIC, bytes, component};
use crate::support::{NODES, binary, eventually, series};
use reqwest::Method;
use serde_json::{Value, json};

async fn started() -> Administered {
    Administered::start(tempfile::tempdir().unwrap(), |_| ()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_what_it_changed() {
    let running = started().await;
    let (spread, zone) = (component("spread"), component("zone-cost"));
    let (spread, zone) = (spread.to_str().unwrap(), zone.to_str().unwrap());
    assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);

    // For people.
    let said = running.says(&["push", spread, "--mode", "shadow", "--weight", "2"]).unwrap();
    assert!(said.starts_with("`spread` is shadow (sha256:") && said.contains("; generation 2\n"), "{said}");
    assert!(said.ends_with("\nscoring now: netmarks (weight 1, 100%)"), "{said}");
    let said = running.says(&["push", spread, "--mode", "shadow", "--weight", "2"]).unwrap();
    assert!(said.starts_with("nothing changed: `spread` is shadow"), "{said}");
    assert!(said.contains("; still generation 2\n"), "{said}");
    running.scores().await.unwrap();
    // A shadow, too, has the deadline of a push, and what it misses is not a request that both scored.
    let mut missed = 0;
    eventually("the shadow has scored", async || {
        let report = running.json(&["report"])?;
        let faults = report[0]["faults"].as_u64().unwrap_or(0);
        if faults > missed {
            missed = faults;
            running.scores().await?;
        }
        Ok((report[0]["requests"] == 1 && report[0]["name"] == "spread").then_some(()))
    })
    .await
    .unwrap();
    let said = running.says(&["report"]).unwrap();
    assert!(said.contains("OTHER NODE") && said.lines().count() == 2, "{said}");
    let said = running.says(&["list"]).unwrap();
    assert!(
        said.starts_with("generation 2\n") && said.contains("spread") && said.contains("loopback"),
        "{said}"
    );
    let said = running.says(&["canary", "spread", "--percent", "99"]).unwrap();
    assert!(said.starts_with("`spread` is canary 99% (") && said.contains("; generation 3\n"), "{said}");
    assert!(said.ends_with("scoring now: netmarks (weight 1, 100%), spread (canary 99%)"), "{said}");
    let said = running.says(&["activate", "spread"]).unwrap();
    assert!(said.starts_with("`spread` is active (") && said.contains("; generation 4\n"), "{said}");
    assert!(said.ends_with("scoring now: netmarks (weight 1, 33%), spread (weight 2, 67%)"), "{said}");
    // A busy machine may let `spread` miss the deadline of a push.
    eventually("one third traffic, two thirds spread", async || {
        Ok((running.scores().await? == [8, 9, 10, 7]).then_some(()))
    })
    .await
    .unwrap();
    let said = running.says(&["rollback"]).unwrap();
    assert!(said.starts_with("the earlier set is back; generation 5\nscoring now: "), "{said}");
    let said = running.says(&["ready", "spread"]).unwrap();
    assert!(said.contains("; generation 6\n"), "{said}");
    assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);
    let refused = running.fails(&["shadow", "netmarks"]).unwrap();
    assert!(
        refused.contains("the only active policy") && refused.contains("--leave-nothing-active"),
        "{refused}"
    );
    let said = running.says(&["remove", "spread"]).unwrap();
    assert_eq!(said, "`spread` is removed; generation 7\nscoring now: netmarks (weight 1, 100%)");
    assert_eq!(running.says(&["report"]).unwrap().lines().count(), 1, "a sentence");

    // For machines.
    let push = ["push", zone, "--name", "z", "--mode", "ready", "--normalisation", "rank"];
    let outcome = running.json(&[&push[..], &["--deadline-ms", "150"]].concat()).unwrap();
    assert_eq!(outcome["entry"]["settings"]["limits"]["deadline_ms"], json!(150), "{outcome}");
    assert_eq!((&outcome["generation"], &outcome["changed"]), (&json!(8), &json!(true)));
    assert_eq!((&outcome["entry"]["name"], &outcome["entry"]["mode"]), (&json!("z"), &json!("ready")));
    assert!(outcome["entry"]["digest"].as_str().unwrap().starts_with("sha256:"));
    for (arguments, generation, mode) in [
        (&["shadow", "z"][..], 9, json!("shadow")),
        (&["canary", "z", "--percent", "7"], 10, json!("canary")),
        (&["canary", "z", "--percent", "7"], 10, json!("canary")),
        (&["activate", "z"], 11, json!("active")),
        (&["rollback"], 12, Value::Null),
        (&["remove", "z"], 13, Value::Null),
    ] {
        let outcome = running.json(arguments).unwrap();
        assert_eq!(
            (&outcome["generation"], &outcome["entry"]["mode"]),
            (&json!(generation), &mode),
            "{outcome}"
        );
    }
    let list = running.json(&["list"]).unwrap();
    assert_eq!((&list["generation"], &list["policies"][0]["name"]), (&json!(13), &json!("netmarks")));
    assert_eq!(running.json(&["report"]).unwrap(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_an_exit_code_and_a_reason_and_change_nothing() {
    let running = started().await;
    let (spread, bad) = (component("spread"), component("trap-describe"));
    let (spread, bad) = (spread.to_str().unwrap(), bad.to_str().unwrap());
    for (arguments, says) in [
        (&["activate", "nobody"][..], "there is no policy `nobody`; there is netmarks"),
        (&["remove", "nobody"], "there is no policy `nobody`"),
        (&["rollback"], "no earlier set"),
        (&["push", bad], "policy `trap-describe` failed at describe: it trapped"),
        (&["push", "/missing.wasm"], "failed to read the policy /missing.wasm"),
        (&["push", spread, "--weight", "0"], "`weight` must be above 0"),
        (&["push", spread, "--deadline-ms", "0"], "`limits.deadline_ms` must be from 1 to 10000"),
        (&["push", spread, "--memory-mib", "0"], "`limits.memory_mib` must be from 1"),
        (&["push", spread, "--normalisation", "best"], "best"),
        (&["push", spread, "--parameter", "price=1"], "price"),
        (&["push", spread, "--mode", "canary", "--percent", "100"], "1 to 99 percent"),
        (&["canary", "netmarks", "--percent", "0"], "1 to 99 percent"),
    ] {
        let complaint = running.fails(arguments).unwrap();
        assert!(complaint.starts_with("error: ") && complaint.contains(says), "{arguments:?}: {complaint}");
    }
    // Misuse of the command itself, before anybody is asked.
    for arguments in [
        &["push"][..],
        &["push", spread, "--mode", "live"],
        &["push", spread, "--mode", "canary"],
        &["canary", "spread"],
        &["activate", "Not A Name"],
        &["list", "-o", "xml"],
    ] {
        let output = running.command(arguments).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(running.list().await.unwrap(), ["netmarks active"]);
    assert_eq!(running.generation().await.unwrap(), 1);
    assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);
    // Nobody there.
    let (_held, address) = crate::support::nobody().unwrap();
    let nobody = format!("http://{address}");
    let complaint = binary::failure(&binary::netmarks(&["policy", "list", "--server", &nobody]).unwrap());
    assert!(complaint.unwrap().contains("is `admin.listen` set"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_and_every_refusal_is_in_the_audit_log() {
    let running = started().await;
    let outcome = running.put("s", "mode=active", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    let digest = outcome["entry"]["digest"].clone();
    running.post("/v1/policies/s/canary?percent=5").await.unwrap().ok().unwrap();
    running.post("/v1/rollback").await.unwrap().ok().unwrap();
    running.put("bad", "mode=active", b"garbage".to_vec()).await.unwrap().refused(422).unwrap();
    running.send(running.call(Method::DELETE, "/v1/policies/s")).await.unwrap().ok().unwrap();
    // What changes nothing is not a change.
    running.send(running.call(Method::DELETE, "/v1/policies/s")).await.unwrap().refused(404).unwrap();
    let lines = eventually("the removal is in the log", async || {
        let lines = running.audit()?;
        Ok((lines.last().is_some_and(|line| line["change"] == "removed")).then_some(lines))
    })
    .await
    .unwrap();
    let kinds: Vec<_> = lines.iter().map(|line| line["change"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["accepted", "accepted", "moved", "rolled-back", "rejected", "removed"]);
    let own = &lines[0];
    assert_eq!(
        (&own["user"], &own["from"], &own["policy"]),
        (&json!("configuration"), &json!("built in"), &json!("netmarks"))
    );
    for line in &lines[1..] {
        assert_eq!(line["user"], "loopback");
        assert!(line["from"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    }
    for position in [1, 2, 5] {
        assert_eq!((&lines[position]["policy"], &lines[position]["digest"]), (&json!("s"), &digest));
    }
    assert!(lines[4]["digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(lines[4]["detail"].as_str().unwrap().contains("failed at check"), "{}", lines[4]);
    let generations: Vec<_> = lines.iter().map(|line| line["generation"].as_u64().unwrap()).collect();
    assert_eq!(generations, [1, 2, 3, 4, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_makes_no_sense_is_named_and_changes_nothing() {
    let running = started().await;
    let put = async |path: &str| {
        running.send(running.call(Method::PUT, path).body(bytes("spread").unwrap())).await.unwrap()
    };
    for (path, says) in [
        ("/v1/policies/s?wieght=2", "wieght"),
        ("/v1/policies/s?mode=live", "unknown mode `live`"),
        ("/v1/policies/s?percent=5", "for a canary"),
        ("/v1/policies/s?parameters.x.y=5", "more than one dot"),
        ("/v1/policies/s?parameters.x=%5B1%5D", "one value"),
        ("/v1/policies/s?limits.memory_mib=0", "limits.memory_mib"),
        ("/v1/policies/s?grants=network", "network"),
        ("/v1/policies/Not-A-Name", "is not a policy name"),
        ("/v1/policies/..%2Fx", "is not a policy name"),
    ] {
        let reason = put(path).await.refused(400).unwrap();
        assert!(reason.contains(says), "{path}: {reason}");
    }
    for (path, status) in [
        ("/v1/policies/netmarks/live", 400),
        ("/v1/policies/netmarks/canary", 400),
        ("/v1/policies/netmarks/canary?percent=x", 400),
        ("/v1/policies/netmarks/canary?percent=0", 400),
        ("/v1/policies/netmarks/shadow?percent=5", 400),
        ("/v1/policies/netmarks/activate?force=true", 400),
        ("/v1/policies/nobody/activate", 404),
        ("/v1/policies/netmarks/weigh", 400),
        ("/v1/policies/netmarks/weigh?weight=heavy", 400),
        ("/v1/policies/netmarks/weigh?weight=2&mode=active", 400),
        ("/v1/policies/nobody/weigh?weight=2", 404),
        ("/v1/rollback", 404),
    ] {
        let reason = running.post(path).await.unwrap().refused(status).unwrap();
        assert!(!reason.is_empty(), "{path}");
    }
    running.get("/v1/policies/nobody").await.unwrap().refused(404).unwrap();
    assert_eq!(running.get("/v1/policies/netmarks").await.unwrap().ok().unwrap()[0]["state"], "active");
    // A page in a browser, on the operator's own machine.
    for (method, path) in [
        (Method::GET, "/v1/policies"),
        (Method::PUT, "/v1/policies/s"),
        (Method::POST, "/v1/rollback"),
        (Method::DELETE, "/v1/policies/netmarks"),
        (Method::GET, "/v1/shadow"),
        (Method::GET, "/v1/calls"),
    ] {
        let request = running.call(method, path).header("origin", "http://127.0.0.1:9822");
        let reason = running.send(request).await.unwrap().refused(403).unwrap();
        assert!(reason.contains("web pages"), "{reason}");
    }
    assert_eq!(
        (running.list().await.unwrap(), running.generation().await.unwrap()),
        (vec!["netmarks active".to_owned()], 1)
    );
    // The scheduler's listener has none of this.
    let response = running.client.get(format!("{}/v1/policies", running.server.url)).send().await.unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_weight_is_another_revision_of_the_same_artefact() {
    let running = started().await;
    running.put("spread", "mode=active", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    let shown = async || running.get("/v1/policies/spread").await.unwrap().ok().unwrap()[0].clone();
    let before = shown().await;
    for refused in ["0", "-1", "NaN"] {
        let path = format!("/v1/policies/spread/weigh?weight={refused}");
        running.post(&path).await.unwrap().refused(400).unwrap();
    }
    assert_eq!(shown().await, before);
    let generation = running.generation().await.unwrap();
    running.post("/v1/policies/spread/weigh?weight=2.5").await.unwrap().ok().unwrap();
    let after = shown().await;
    assert_eq!((&after["digest"], &after["state"]), (&before["digest"], &before["state"]));
    assert_ne!(after["revision"], before["revision"]);
    assert_eq!(
        (after["settings"]["weight"].as_f64(), running.generation().await.unwrap()),
        (Some(2.5), generation + 1)
    );
    running.post("/v1/policies/spread/weigh?weight=2.5").await.unwrap().ok().unwrap();
    assert_eq!(running.generation().await.unwrap(), generation + 1, "nothing changed");
    running.post("/v1/rollback").await.unwrap().ok().unwrap();
    assert_eq!(shown().await["settings"], before["settings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_beyond_the_limit_is_turned_away() {
    let running = Administered::start(tempfile::tempdir().unwrap(), |config| {
        config["admin"]["max_upload_mib"] = json!(1);
    })
    .await
    .unwrap();
    let large = vec![0; (1 << 20) + 1];
    let reason = running.put("large", "", large.clone()).await.unwrap().refused(413).unwrap();
    assert!(
        reason.contains("more than 1048576 bytes") && reason.contains("admin.max_upload_mib"),
        "{reason}"
    );
    // Without a length that could be looked at before.
    let chunks = large.chunks(64 * 1024).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks.collect::<Vec<_>>()));
    let request = running.call(Method::PUT, "/v1/policies/large").body(body);
    running.send(request).await.unwrap().refused(413).unwrap();
    let file = running.server.folder.path().join("large.wasm");
    std::fs::write(&file, &large).unwrap();
    let complaint = running.fails(&["push", file.to_str().unwrap()]).unwrap();
    assert!(complaint.contains("more than 1048576 bytes"), "{complaint}");
    assert_eq!(running.list().await.unwrap(), ["netmarks active"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_live_survives_a_restart() {
    let running = started().await;
    running
        .put("netmarks", "mode=active&normalisation=rank", bytes("netmarks").unwrap())
        .await
        .unwrap()
        .ok()
        .unwrap();
    running.put("s", "mode=shadow", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    running.put("c", "mode=canary&percent=1", bytes("zone-cost").unwrap()).await.unwrap().ok().unwrap();
    assert_eq!(running.scores().await.unwrap(), BY_RANK);
    let before = running.get("/v1/policies").await.unwrap().ok().unwrap();
    let running = running.restart().await.unwrap();
    assert_eq!(running.scores().await.unwrap(), BY_RANK);
    assert_eq!(running.get("/v1/policies").await.unwrap().ok().unwrap(), before);
    // And so does the way back.
    running.post("/v1/rollback").await.unwrap().ok().unwrap();
    running.put("s", "mode=active", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    running.post("/v1/policies/netmarks/ready").await.unwrap().ok().unwrap();
    let running = running.restart().await.unwrap();
    assert_eq!(running.scores().await.unwrap(), BY_SPREAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_upload_that_passes_its_trial_is_contained_and_rolled_back() {
    let running = Administered::start(tempfile::tempdir().unwrap(), |config| {
        config["policies"]["rollback"] =
            json!({"min_calls": 5, "window_seconds": 3_600, "max_latency_ms": 1e6});
    })
    .await
    .unwrap();
    let query = "mode=active&parameters.behaviour=trap&parameters.candidates=4";
    let digest = running.put("netmarks", query, bytes("hostile").unwrap()).await.unwrap().ok().unwrap();
    let digest = digest["entry"]["digest"].clone();
    for _ in 0..5 {
        assert_eq!(running.scores().await.unwrap(), [0_i64; 0], "an empty answer, and nothing worse");
    }
    eventually("the earlier set is back", async || {
        Ok((running.list().await? == ["netmarks active", "netmarks ready!"]).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);
    let said = running.says(&["list"]).unwrap();
    assert!(said.contains("`netmarks` is degraded: 5 of 5 calls failed within 3600 s"), "{said}");
    let degraded = eventually("it is in the audit log", async || {
        Ok(running.audit()?.into_iter().find(|line| line["change"] == "degraded"))
    })
    .await
    .unwrap();
    assert_eq!((&degraded["user"], &degraded["digest"]), (&json!("automatic rollback"), &digest));
    let counter = "netmarks_policy_changes_total{change=\"degraded\"}";
    eventually("it is counted", async || {
        let page = running.server.get("/metrics").await?;
        Ok((series(&page, counter) == Some(1.0)).then_some(()))
    })
    .await
    .unwrap();
    // It does not come back by being uploaded, nor by a restart.
    let reason =
        running.put("netmarks", query, bytes("hostile").unwrap()).await.unwrap().refused(409).unwrap();
    assert!(reason.contains("activate it by hand"), "{reason}");
    let running = running.restart().await.unwrap();
    assert_eq!(running.list().await.unwrap(), ["netmarks active", "netmarks ready!"]);
    assert_eq!(running.scores().await.unwrap(), BY_TRAFFIC);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_is_tried_on_what_was_asked_before() {
    let running = started().await;
    assert_eq!(running.scored(&NODES).await.unwrap().len(), 3);
    eventually("the request is remembered", async || {
        let decisions: Value = serde_json::from_str(&running.server.get("/v1/decisions").await?)?;
        Ok(decisions.get(0).is_some().then_some(()))
    })
    .await
    .unwrap();
    let query = "mode=active&parameters.behaviour=nan&parameters.candidates=4";
    let reason = running.put("bad", query, bytes("hostile").unwrap()).await.unwrap().refused(422).unwrap();
    assert!(reason.contains("recent requests") && reason.contains("NaN"), "{reason}");
    assert_eq!(running.list().await.unwrap(), ["netmarks active"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_leaves_no_series() {
    let running = started().await;
    running.put("s", "mode=active", bytes("spread").unwrap()).await.unwrap().ok().unwrap();
    running.scores().await.unwrap();
    let series = async || {
        let page = running.server.get("/metrics").await?;
        Ok::<_, anyhow::Error>(page.lines().filter(|line| line.contains("policy=\"s\"")).count())
    };
    // A call is counted a moment after its answer was sent.
    eventually("its series are there", async || Ok((series().await? > 10).then_some(()))).await.unwrap();
    running.send(running.call(Method::DELETE, "/v1/policies/s")).await.unwrap().ok().unwrap();
    eventually("its series are gone", async || Ok((series().await? == 0).then_some(()))).await.unwrap();
    running.scores().await.unwrap();
    assert_eq!(series().await.unwrap(), 0);
}
