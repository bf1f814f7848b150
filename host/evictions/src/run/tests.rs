//! What a run does next in one situation each.

mod landing;
mod world;

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn planned(pod: &str) -> Move {
    let (from, to) = ("a".to_owned(), "b".to_owned());
    let (pod, application) = (format!("shop/{pod}"), String::new());
    Move { pod, uid: None, application, from, to, or: Vec::new(), gain: 0.0 }
}

fn pod(uid: &str, node: Option<&str>, kind: &str) -> PodSeen {
    let controller = Controller {
        uid: format!("of-{kind}"),
        api_version: "apps/v1".to_owned(),
        kind: kind.to_owned(),
        name: "cart".to_owned(),
    };
    PodSeen {
        uid: uid.to_owned(),
        controller: Some(controller),
        node: node.map(str::to_owned),
        ready: node.is_some(),
        grace_seconds: 30,
        ..PodSeen::default()
    }
}

/// A run of one or more moves, and what it is shown.
struct Setting {
    run: Run,
    pods: Pods,
    node: NodeSeen,
    controller: Option<ControllerSeen>,
    health: Health,
    /// When the health was found out; as a rule just now.
    measured: Option<Duration>,
}

impl Setting {
    /// Each pod is on its node and belongs to one ReplicaSet.
    fn new(names: &[&str], limits: Limits) -> Self {
        let mut pods = Pods::default();
        for name in names {
            pods.set(&format!("shop/{name}"), Some(pod(&format!("uid-{name}"), Some("a"), "ReplicaSet")));
        }
        let moves = names.iter().map(|name| planned(name)).collect();
        let controller = Some(ControllerSeen::Wants(9));
        let (run, node, health) = (Run::new(moves, limits, &[]), NodeSeen::Ready, Health::Fine);
        Self { run, pods, node, controller, health, measured: None }
    }

    fn next(&self, at: u64) -> Action {
        self.next_at(seconds(at))
    }

    fn next_at(&self, at: Duration) -> Action {
        let (pods, health) = (&self.pods, &self.health);
        let nodes = [("b".to_owned(), self.node)];
        let (nodes, controller) = (&nodes[..], self.controller.as_ref());
        let measured = self.measured.unwrap_or(at);
        self.run.next(&Facts { pods, nodes, controller, health, measured }, at)
    }

    fn happens(&mut self, event: &Event, at: u64) {
        self.run.happened(event, seconds(at));
    }

    /// Evicts the pod of the next move.
    fn evict(&mut self, at: u64) {
        let Action::Evict { event, .. } = self.next(at) else { panic!("{:?}", self.next(at)) };
        self.happens(&event, at);
        self.happens(&Event::Evicted, at);
    }

    fn set(&mut self, name: &str, seen: Option<PodSeen>) {
        self.pods.set(&format!("shop/{name}"), seen);
    }
}

fn refused() -> Event {
    Event::Refused { answer: "a budget".to_owned() }
}

fn skipped(why: Skip) -> Action {
    Action::Record { number: 0, event: Event::Skipped { why } }
}

#[test]
fn a_replacement_counts_when_it_is_ready_and_the_old_pod_is_gone() {
    let mut setting = Setting::new(&["cart-1"], Limits::default());
    setting.evict(0);
    let until = seconds(630);
    assert_eq!(setting.next(1), Action::Wait { until }, "600 s beyond the 30 s that the old pod may take");
    setting.set("cart-2", Some(pod("uid-2", None, "ReplicaSet")));
    assert_eq!(setting.next(2), Action::Wait { until });
    setting.set("cart-2", Some(pod("uid-2", Some("b"), "ReplicaSet")));
    assert_eq!(setting.next(3), Action::Wait { until }, "the old pod is still there");
    setting.set("cart-1", None);
    let event = Event::Replaced { by: "shop/cart-2".to_owned(), node: "b".to_owned() };
    assert_eq!(setting.next(4), Action::Record { number: 0, event: event.clone() });
    setting.happens(&event, 4);
    assert_eq!(setting.next(4), Action::Finish);
    assert!(setting.run.is_finished());
}

#[test]
fn the_replacement_of_a_stateful_set_has_the_same_name() {
    let mut setting = Setting::new(&["cart-0"], Limits::default());
    setting.set("cart-0", Some(pod("old", Some("a"), "StatefulSet")));
    setting.evict(0);
    setting.set("cart-0", Some(pod("new", Some("b"), "StatefulSet")));
    let event = Event::Replaced { by: "shop/cart-0".to_owned(), node: "b".to_owned() };
    assert_eq!(setting.next(1), Action::Record { number: 0, event });
}

#[test]
fn pods_that_were_there_are_no_replacement_and_of_two_new_ones_that_on_the_target_is() {
    let mut setting = Setting::new(&["cart-1"], Limits::default());
    setting.set("cart-0", Some(pod("sibling", Some("b"), "ReplicaSet")));
    setting.evict(0);
    setting.set("cart-1", None);
    assert_eq!(setting.next(1), Action::Wait { until: seconds(630) });
    setting.set("cart-2", Some(pod("scaled-up", Some("c"), "ReplicaSet")));
    setting.set("cart-3", Some(pod("replacement", Some("b"), "ReplicaSet")));
    setting.set("ads-1", Some(pod("other", Some("b"), "OtherSet")));
    let event = Event::Replaced { by: "shop/cart-3".to_owned(), node: "b".to_owned() };
    assert_eq!(setting.next(1), Action::Record { number: 0, event });
}

#[test]
fn a_refused_eviction_is_tried_again_with_longer_waits_until_patience_ends() {
    let mut setting = Setting::new(&["cart-1"], Limits { patience: seconds(100), ..Limits::default() });
    let mut now = 0;
    for (wait, next) in [(5, 5), (10, 15), (20, 35), (40, 75)] {
        assert!(matches!(setting.next(now), Action::Evict { .. }), "at {now}");
        setting.happens(&refused(), now);
        assert_eq!(setting.next(now), Action::Wait { until: seconds(next) }, "{wait} s");
        now = next;
    }
    assert!(matches!(setting.next(now), Action::Evict { .. }));
    setting.happens(&refused(), now);
    assert_eq!(setting.next(now), Action::Wait { until: seconds(100) }, "60 s would be beyond patience");
    assert_eq!(
        setting.next_at(seconds(100) - Duration::from_millis(1)),
        Action::Wait { until: seconds(100) }
    );
    let stop = Stop::Refused { pod: "shop/cart-1".to_owned(), seconds: 100, answer: "a budget".to_owned() };
    assert_eq!(setting.next(100), Action::Stop(stop));
}

#[test]
fn everything_is_looked_at_again_before_an_eviction_is_tried_again() {
    let mut setting = Setting::new(&["cart-1"], Limits::default());
    setting.happens(&refused(), 0);
    setting.node = NodeSeen::Cordoned;
    assert_eq!(setting.next(4), Action::Wait { until: seconds(5) });
    assert_eq!(setting.next(5), skipped(Skip::TargetCordoned));
    setting.set("cart-1", None);
    assert_eq!(setting.next(5), skipped(Skip::Gone));
}

#[test]
fn a_pod_that_is_not_as_planned_stays() {
    let elsewhere = |node: Option<&str>| Skip::Elsewhere { node: node.map(str::to_owned) };
    let not_replaced = |kind: &str| Skip::NotReplaced { controller: Some(kind.to_owned()) };
    let terminating = PodSeen { terminating: true, ..pod("1", Some("a"), "ReplicaSet") };
    let alone = PodSeen { controller: None, ..pod("1", Some("a"), "ReplicaSet") };
    for (seen, why) in [
        (None, Skip::Gone),
        (Some(pod("1", Some("b"), "ReplicaSet")), Skip::There),
        (Some(pod("1", Some("c"), "ReplicaSet")), elsewhere(Some("c"))),
        (Some(pod("1", None, "ReplicaSet")), elsewhere(None)),
        (Some(terminating), Skip::Terminating),
        (Some(alone), Skip::NotReplaced { controller: None }),
        (Some(pod("1", Some("a"), "DaemonSet")), not_replaced("DaemonSet")),
        (Some(pod("1", Some("a"), "Job")), not_replaced("Job")),
    ] {
        let mut setting = Setting::new(&["cart-1"], Limits::default());
        setting.set("cart-1", seen);
        assert_eq!(setting.next(0), skipped(why));
    }
    let mut setting = Setting::new(&["cart-1"], Limits::default());
    let moves =
        setting.run.moves().iter().map(|planned| Move { uid: Some("7".to_owned()), ..planned.clone() });
    setting.run = Run::new(moves.collect(), Limits::default(), &[]);
    assert_eq!(setting.next(0), skipped(Skip::Other));
    for (node, why) in [
        (NodeSeen::Gone, Skip::TargetGone),
        (NodeSeen::Cordoned, Skip::TargetCordoned),
        (NodeSeen::NotReady, Skip::TargetNotReady),
    ] {
        let setting = Setting { node, ..Setting::new(&["cart-1"], Limits::default()) };
        assert_eq!(setting.next(0), skipped(why));
    }
}

#[test]
fn it_stops_when_too_much_is_not_as_planned() {
    let mut setting = Setting::new(&["1", "2", "3", "4"], Limits { most_elsewhere: 1, ..Limits::default() });
    setting.happens(&Event::Skipped { why: Skip::There }, 0);
    setting.happens(&Event::Skipped { why: Skip::Gone }, 0);
    assert!(matches!(setting.next(0), Action::Evict { number: 2, .. }));
    setting.happens(&Event::Replaced { by: "shop/5".to_owned(), node: "c".to_owned() }, 0);
    assert_eq!(setting.next(0), Action::Stop(Stop::Elsewhere { moves: 2, most: 1 }));
    // A new run counts from the beginning, and after the last move there is nothing to stop.
    let before: Vec<Event> = std::iter::repeat_n(Event::Skipped { why: Skip::Gone }, 3).collect();
    setting.run =
        Run::new(setting.run.moves().to_vec(), Limits { most_elsewhere: 0, ..Limits::default() }, &before);
    assert!(matches!(setting.next(0), Action::Evict { number: 3, .. }));
    setting.happens(&Event::Skipped { why: Skip::Gone }, 0);
    assert_eq!(setting.next(0), Action::Finish);
}

#[test]
fn a_lost_answer_is_found_out() {
    let mut setting = Setting::new(&["cart-1"], Limits::default());
    let Action::Evict { event, .. } = setting.next(0) else { panic!() };
    setting.happens(&event, 0);
    setting.happens(&Event::Unanswered { error: "broken pipe".to_owned() }, 0);
    assert_eq!(setting.next(0), Action::Wait { until: seconds(5) });
    assert_eq!(setting.run.missing(), Event::Evicted, "it was we");
    setting.set("cart-1", Some(PodSeen { terminating: true, ..pod("uid-cart-1", Some("a"), "ReplicaSet") }));
    assert_eq!(setting.next(1), Action::Record { number: 0, event: Event::Evicted });
    setting.happens(&Event::Evicted, 1);
    assert_eq!(setting.next(1), Action::Wait { until: seconds(631) });
}

#[test]
fn silence_ends_sooner_than_refusals() {
    let mut setting = Setting::new(&["cart-1"], Limits::default());
    let mut now = 0;
    while let Action::Evict { event, .. } = setting.next(now) {
        setting.happens(&event, now);
        setting.happens(&Event::Unanswered { error: "no route".to_owned() }, now);
        let Action::Wait { until } = setting.next(now) else { panic!("at {now}") };
        now = until.as_secs();
    }
    let stop = Stop::Unanswered { pod: "shop/cart-1".to_owned(), seconds: 300, error: "no route".to_owned() };
    assert_eq!((now, setting.next(now)), (300, Action::Stop(stop)));
}

#[test]
fn a_run_that_was_killed_goes_on_where_it_was() {
    let mut setting = Setting::new(&["cart-1", "cart-2"], Limits::default());
    let Action::Evict { event, .. } = setting.next(0) else { panic!() };
    let moves = setting.run.moves().to_vec();
    // Killed before the eviction: asked for again.
    setting.run = Run::new(moves.clone(), Limits::default(), std::slice::from_ref(&event));
    assert!(matches!(setting.next(0), Action::Evict { number: 0, .. }));
    // Killed after it, before it was written down; the replacement has the name of no pod that was there.
    setting.set("cart-1", None);
    setting.set("cart-3", Some(pod("uid-3", Some("b"), "ReplicaSet")));
    assert_eq!(setting.next(0), Action::Record { number: 0, event: Event::Evicted });
    setting.run = Run::new(moves, Limits::default(), &[event, Event::Evicted]);
    let replaced = Event::Replaced { by: "shop/cart-3".to_owned(), node: "b".to_owned() };
    assert_eq!(setting.next(0), Action::Record { number: 0, event: replaced });
    assert!(setting.run.is_evicted());
}

#[test]
fn nothing_begins_after_the_window_or_within_the_pause() {
    let limits = Limits { window: Some(seconds(100)), pause: seconds(60), ..Limits::default() };
    let mut setting = Setting::new(&["cart-1", "cart-2"], limits);
    setting.evict(0);
    setting.set("cart-1", None);
    let replaced = |name: &str| Event::Replaced { by: format!("shop/{name}"), node: "b".to_owned() };
    setting.happens(&replaced("cart-3"), 30);
    assert_eq!(setting.next(30), Action::Wait { until: seconds(90) });
    assert!(matches!(setting.next(90), Action::Evict { number: 1, .. }));
    assert_eq!(setting.next(100), Action::Stop(Stop::Window));
    // What has begun is awaited.
    setting.evict(99);
    assert_eq!(setting.next(200), Action::Wait { until: seconds(729) });
}

#[test]
fn worse_figures_hold_moves_up_and_end_the_run_when_they_stay() {
    let mut setting = Setting::new(&["cart-1"], Limits::default());
    setting.health = Health::Unknown;
    assert_eq!(setting.next(0), Action::Measure);
    setting.health = Health::Worse { since: seconds(10), why: "errors".to_owned() };
    assert_eq!(setting.next(20), Action::Wait { until: seconds(70) });
    assert_eq!(setting.next(70), Action::Stop(Stop::Worse { seconds: 60, why: "errors".to_owned() }));
    setting.health = Health::Fine;
    assert!(matches!(setting.next(70), Action::Evict { .. }));
    // A replacement is awaited whatever the figures are.
    setting.evict(70);
    setting.health = Health::Worse { since: seconds(10), why: "errors".to_owned() };
    assert_eq!(setting.next(80), Action::Wait { until: seconds(700) });
}

#[test]
fn figures_of_before_a_move_s_end_say_nothing_about_the_next() {
    let mut setting = Setting::new(&["cart-1", "cart-2"], Limits { pause: seconds(60), ..Limits::default() });
    setting.evict(0);
    setting.happens(&Event::Replaced { by: "shop/cart-3".to_owned(), node: "b".to_owned() }, 30);
    setting.measured = Some(seconds(89));
    assert_eq!(setting.next(89), Action::Wait { until: seconds(90) });
    assert_eq!(setting.next(95), Action::Measure);
    setting.measured = Some(seconds(95));
    assert!(matches!(setting.next(96), Action::Evict { number: 1, .. }));
}

#[test]
fn a_replacement_that_does_not_come_is_named() {
    let pending = PodSeen {
        unschedulable: Some("0/3 nodes are available".to_owned()),
        ..pod("uid-2", None, "ReplicaSet")
    };
    let starting = PodSeen { ready: false, ..pod("uid-2", Some("b"), "ReplicaSet") };
    let old = || Some(PodSeen { terminating: true, ..pod("uid-cart-1", Some("a"), "ReplicaSet") });
    for (old, new, says) in [
        (None, None, "its controller has made no replacement"),
        (old(), None, "it has not ended"),
        (
            old(),
            Some(pod("uid-2", Some("b"), "ReplicaSet")),
            "its replacement is ready, but it has not ended",
        ),
        (None, Some(pending), "its replacement shop/cart-2 is pending: 0/3 nodes are available"),
        (None, Some(starting), "its replacement shop/cart-2 on b is not ready"),
    ] {
        let mut setting = Setting::new(&["cart-1"], Limits::default());
        setting.evict(0);
        setting.set("cart-1", old);
        setting.set("cart-2", new);
        assert_eq!(setting.next(629), Action::Wait { until: seconds(630) });
        let stop = Stop::NotReplaced { pod: "shop/cart-1".to_owned(), seconds: 630, state: says.to_owned() };
        assert_eq!(setting.next(630), Action::Stop(stop));
    }
}

#[test]
fn a_replacement_that_no_controller_will_make_is_not_awaited() {
    let mut setting = Setting::new(&["cart-1", "cart-2"], Limits { most_elsewhere: 0, ..Limits::default() });
    setting.set("cart-0", Some(pod("sibling", Some("c"), "ReplicaSet")));
    setting.evict(0);
    setting.controller = None;
    assert_eq!(setting.next(1), Action::Wait { until: seconds(630) }, "it has not ended");
    setting.set("cart-1", None);
    let Action::See { namespace, controller } = setting.next(2) else { panic!("{:?}", setting.next(2)) };
    assert_eq!((namespace.as_str(), controller.uid.as_str()), ("shop", "of-ReplicaSet"));
    for (seen, why) in [
        (ControllerSeen::Wants(3), None),
        (ControllerSeen::Unknown { why: "forbidden".to_owned() }, None),
        (ControllerSeen::Wants(2), Some(Unreplaced::Enough { wants: 2, has: 2 })),
        (ControllerSeen::Wants(0), Some(Unreplaced::Enough { wants: 0, has: 2 })),
        (ControllerSeen::Gone, Some(Unreplaced::ControllerGone)),
    ] {
        setting.controller = Some(seen);
        let record = |why| Action::Record { number: 0, event: Event::Unreplaced { why } };
        assert_eq!(setting.next(3), why.map_or(Action::Wait { until: seconds(630) }, record));
    }
    setting.controller = Some(ControllerSeen::Unknown { why: "forbidden".to_owned() });
    let Action::Stop(Stop::NotReplaced { state, .. }) = setting.next(630) else { panic!() };
    assert!(state.ends_with("cannot be seen: forbidden"), "{state}");
    // A replacement that is there counts, whatever the controller wants by now.
    setting.controller = Some(ControllerSeen::Wants(0));
    setting.set("cart-3", Some(pod("uid-3", Some("b"), "ReplicaSet")));
    let event = Event::Replaced { by: "shop/cart-3".to_owned(), node: "b".to_owned() };
    assert_eq!(setting.next(4), Action::Record { number: 0, event });
    // It is not what was planned.
    setting.happens(&Event::Unreplaced { why: Unreplaced::ControllerGone }, 4);
    assert_eq!(setting.next(4), Action::Stop(Stop::Elsewhere { moves: 1, most: 0 }));
}
