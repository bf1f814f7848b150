import assert from "node:assert/strict";
import { test } from "node:test";
import { Events } from "../src/api/stream";
import { merged } from "../src/api/feed";
import type { DecisionSummary } from "../src/api/types";
import { percent, rate, sentence, shown } from "../src/format";
import { fit, pan, zoom } from "../src/map/camera";
import { DOTS, dots } from "../src/map/dots";
import { layout } from "../src/map/layout";
import type { MapModel } from "../src/map/model";
import { strands } from "../src/map/within";
import { address, parse } from "../src/router";

test("rates have one to three digits before the point", () => {
  for (const [value, text] of [
    [0, "0 B/s"],
    [999.4, "999 B/s"],
    [999.96, "1.0 kB/s"],
    [364_280, "364.3 kB/s"],
    [999_960, "1.0 MB/s"],
    [2.5e9, "2.5 GB/s"],
  ] as const)
    assert.equal(rate(value), text);
});

test("a share is all or nothing only when it is", () => {
  assert.deepEqual([0, 0.001, 0.254, 0.999, 1, null].map(percent), ["0%", "<1%", "25%", ">99%", "100%", "–"]);
});

test("hostile names are text in one line, of bounded length", () => {
  assert.equal(shown("a\u202eb\n\u0007"), "a\\u{202e}b\\u{a}\\u{7}");
  assert.ok(shown("x".repeat(64_000)).length < 200);
  // What a policy says may be longer than a name.
  assert.equal(sentence("x ".repeat(300)), "x ".repeat(300));
  assert.ok(sentence("x\u202e".repeat(64_000)).length < 6_000);
});

test("addresses survive any name", () => {
  for (const name of ["a/b", "100%", "<script>", "ü?#&=", ""]) {
    const there = parse(address(["decisions", `x${name}`], { node: name }));
    assert.deepEqual(there.path, ["decisions", `x${name}`]);
    assert.equal(there.query.get("node") ?? "", name);
  }
  assert.deepEqual(parse("#/decisions/%E0%A4%A").path, ["decisions", "%E0%A4%A"]);
});

test("events arrive whole however the stream is cut", () => {
  const text = 'event: hello\r\ndata: {"run": "a"}\r\n\r\n: still here\n\nid: 7\nevent: decision\ndata: one\ndata: two\n\n';
  for (const cut of [1, 2, 5, text.length]) {
    const events = new Events();
    const found = [];
    for (let at = 0; at < text.length; at += cut) found.push(...events.push(text.slice(at, at + cut)));
    assert.deepEqual(found, [
      { id: "", event: "hello", data: '{"run": "a"}' },
      { id: "7", event: "decision", data: "one\ntwo" },
    ]);
  }
});

test("a decision that is known with more replaces the one before, and the list is bounded", () => {
  const decision = (serial: string, at: number, chosen: string | null = null) => ({ serial, at, chosen }) as DecisionSummary;
  let list: DecisionSummary[] = [];
  for (const one of [decision("a", 1), decision("c", 3), decision("b", 2), decision("a", 1, "node")]) list = merged(list, one);
  assert.deepEqual(
    list.map(({ serial, chosen }) => [serial, chosen]),
    [
      ["c", null],
      ["b", null],
      ["a", "node"],
    ],
  );
  // An answer that was under way meanwhile knows less.
  assert.equal(merged(list, decision("a", 1)).find(({ serial }) => serial === "a")?.chosen, "node");
  for (let at = 0; at < 1_000; at += 1) list = merged(list, decision(`${at}`, at + 10));
  assert.equal(list.length, 500);
});

function cluster(sizes: number[]): MapModel {
  const nodes = sizes.flatMap((size, zone) =>
    Array.from({ length: size }, (_, index) => ({
      name: `${zone}-${index}`,
      part: "",
      zone,
      pods: 0,
      within: 0,
      beyond: 0,
      closed: false,
      cpu: 0,
      memory: 0,
      groups: null,
    })),
  );
  const zones = sizes.map((_, zone) => ({
    name: `${zone}`,
    nodes: nodes.flatMap((node, index) => (node.zone === zone ? [index] : [])),
    within: 0,
    beyond: 0,
    pods: 0,
  }));
  return { zones, nodes, curves: [], carried: 1, zoneCurves: [], applications: [], colours: [] };
}

test("no two nodes lie upon one another, and each lies in its zone", () => {
  for (const sizes of [[1], [2, 2, 2], [1, 7, 30], [400, 3], Array.from({ length: 20 }, () => 5)]) {
    const model = cluster(sizes);
    const plan = layout(model, { width: 876, height: 590 });
    plan.nodes.forEach((box, index) => {
      const zone = plan.zones[model.nodes[index]?.zone ?? -1];
      assert.ok(zone && box.x >= zone.x && box.y >= zone.y && box.x + box.width <= zone.x + zone.width && box.y + box.height <= zone.y + zone.height);
    });
    const corners = new Set(plan.nodes.map(({ x, y }) => `${x} ${y}`));
    assert.equal(corners.size, plan.nodes.length);
    assert.ok(plan.zones.every((zone) => zone.x + zone.width <= plan.width && zone.y + zone.height <= plan.height));
  }
});

test("as many dots as there are pods fit on a card", () => {
  const box = { x: 100, y: 200, width: 148, height: 104 };
  for (const pods of [0, 1, 30, 110, 250]) {
    const some = Math.floor(pods / 3);
    const groups = [some, pods - some].map((pods, application) => ({ application, pods }));
    const found = dots(box, groups, false);
    assert.deepEqual(found.map(({ at }) => at.length), groups.map((group) => group.pods));
    for (const { at, radius } of found)
      for (const { x, y } of at) assert.ok(x - radius >= 100 && x + radius <= 248 && y - radius >= 200 && y + radius <= 304, `${pods}`);
  }
});

test("zooming keeps the point under the pointer, and the map cannot be lost", () => {
  const [map, view] = [
    { width: 4_000, height: 2_000 },
    { width: 800, height: 600 },
  ];
  let camera = fit(map, view);
  const under = (at: { x: number; y: number }) => [camera.x + at.x / camera.scale, camera.y + at.y / camera.scale].map(Math.round);
  const at = { x: 200, y: 100 };
  const before = under(at);
  camera = zoom(camera, 3, at, map, view);
  assert.deepEqual(under(at), before);
  for (let step = 0; step < 100; step += 1) camera = pan(camera, -500, 300, map, view);
  assert.ok(camera.x < map.width && camera.y + view.height / camera.scale > 0);
});

test("curves between the dots of a card stay in it, each from a pod of one application to one of the other", () => {
  const card = { x: 100, y: 200, width: 148, height: 104 };
  for (const [pods, withText] of [
    [[1, 1, 1, 1], true],
    [[4, 2, 9], true],
    [[3, 3, 3, 3, 3, 3], false],
    [[90, 20], false],
  ] as const) {
    const groups = dots(card, pods.map((pods, application) => ({ application, pods })), withText);
    for (const one of groups) {
      for (const other of groups) {
        const found = strands(card, one, other);
        const [from, to] = [one, other].map(({ at }) => (at.length > DOTS ? 1 : at.length)) as [number, number];
        assert.equal(found.length, one !== other ? from * to : Math.max(1, (from * (from - 1)) / 2));
        for (const [a, b, c, d] of found) {
          for (const t of [0, 0.25, 0.5, 0.75, 1]) {
            const at = (axis: "x" | "y") => (1 - t) ** 3 * a[axis] + 3 * (1 - t) ** 2 * t * b[axis] + 3 * (1 - t) * t ** 2 * c[axis] + t ** 3 * d[axis];
            assert.ok(at("x") >= 100 && at("x") <= 248 && at("y") >= 200 && at("y") <= 304, `${pods} ${at("x")} ${at("y")}`);
          }
        }
      }
    }
  }
});
