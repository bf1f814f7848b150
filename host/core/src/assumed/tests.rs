use super::*;
use crate::facts::NodeFacts;
use crate::flow::book::Flow;
use crate::index::Index;

const LIFETIME: Duration = Duration::from_secs(2);

const NODES: [&str; 2] = ["n0", "n1"];

/// Two nodes, and two applications that are known by their flow.
struct Setting {
    snapshot: Snapshot,
    assumed: Assumed,
    start: Instant,
}

impl Setting {
    fn new() -> Self {
        let mut index = Index::default();
        for node in NODES {
            index.apply_node(&NodeFacts { name: node.to_owned(), ..NodeFacts::default() });
        }
        let (source, destination) = (Application::new("shop", "a"), Application::new("shop", "b"));
        index.replace_flows(1.0, [Flow { source, destination, bytes_per_second: 1.0 }]);
        Self { snapshot: index.snapshot(), assumed: Assumed::default(), start: Instant::now() }
    }

    fn at(&self, milliseconds: u64) -> Instant {
        self.start + Duration::from_millis(milliseconds)
    }

    /// Answers for a member of a group.
    fn member(&self, group: &str, key: &str, milliseconds: u64) {
        let application = Application::new("shop", "a");
        self.assumed.assume(key, Some(group), &application, "n0", self.at(milliseconds), LIFETIME);
    }

    fn single(&self, key: &str, milliseconds: u64) {
        let application = Application::new("shop", "a");
        self.assumed.assume(key, None, &application, "n0", self.at(milliseconds), LIFETIME);
    }

    /// How many pods a request for `asking` finds assumed.
    fn count(&self, asking: &str, milliseconds: u64) -> usize {
        self.assumed.resolve(&self.snapshot, self.at(milliseconds), asking).len()
    }
}

#[test]
fn a_group_is_assumed_until_its_last_answer_is_old() {
    let setting = Setting::new();
    for position in 0..10_u64 {
        setting.member("shop/g", &format!("shop/a-{position}"), position * 1_500);
    }
    setting.single("shop/single", 0);
    assert_eq!(setting.count("shop/b", 13_500), 10, "the first was answered 13.5 s ago");
    assert_eq!(setting.count("shop/b", 15_499), 10);
    assert_eq!(setting.count("shop/b", 15_500), 0);
}

#[test]
fn a_member_without_a_preference_keeps_its_group() {
    let setting = Setting::new();
    setting.member("shop/g", "shop/a-0", 0);
    setting.assumed.renew("shop/g", setting.at(1_900), LIFETIME);
    setting.assumed.renew("shop/other", setting.at(1_900), LIFETIME);
    assert_eq!(setting.count("shop/b", 3_800), 1);
    setting.assumed.renew("shop/g", setting.at(3_900), LIFETIME);
    assert_eq!(setting.count("shop/b", 4_000), 0, "what has ended does not come back");
}

#[test]
fn a_group_is_assumed_while_its_members_are_seen_bound_one_by_one() {
    let setting = Setting::new();
    for position in 0..4 {
        setting.member("shop/g", &format!("shop/a-{position}"), 0);
    }
    setting.assumed.forget("shop/a-0", setting.at(1_900));
    assert_eq!(setting.count("shop/b", 3_000), 3);
    setting.assumed.forget("shop/a-1", setting.at(3_800));
    assert_eq!(setting.count("shop/b", 5_700), 2);
    assert_eq!(setting.count("shop/b", 5_800), 0);
    setting.assumed.forget("shop/other", setting.at(5_700));
    assert_eq!(setting.count("shop/b", 5_800), 0, "another pod says nothing of the group");
}

#[test]
fn another_cycle_of_a_group_begins_with_the_member_that_is_asked_about_again() {
    let setting = Setting::new();
    for key in ["shop/a-0", "shop/a-1", "shop/a-2"] {
        setting.member("shop/g", key, 0);
    }
    assert_eq!(setting.count("shop/a-0", 100), 0, "nobody was answered before it");
    assert_eq!(setting.count("shop/a-1", 100), 1);
    setting.member("shop/g", "shop/a-1", 100);
    assert_eq!(setting.count("shop/a-2", 100), 2, "no longer the third's own earlier place");
    assert_eq!(setting.count("shop/b", 100), 2);
}

#[test]
fn groups_do_not_displace_single_pods_nor_each_other() {
    let setting = Setting::new();
    setting.single("shop/single", 0);
    for position in 0..5_000 {
        setting.member("shop/large", &format!("shop/large-{position}"), 0);
    }
    for position in 0..1_000 {
        setting.member("shop/small", &format!("shop/small-{position}"), 10);
    }
    assert_eq!(setting.count("shop/b", 20), 6_001);
    // Beyond the limit the group that was quiet for longest gives way.
    for position in 1_000..4_000 {
        setting.member("shop/small", &format!("shop/small-{position}"), 20);
    }
    assert_eq!(setting.count("shop/b", 30), MEMBERS + 1);
    assert_eq!(setting.count("shop/small-0", 30), 1 + MEMBERS - 4_000, "the large group has lost its oldest");
}

#[test]
fn a_pod_that_leaves_its_group_is_assumed_once() {
    let setting = Setting::new();
    setting.member("shop/g", "shop/a-0", 0);
    setting.single("shop/a-0", 10);
    assert_eq!(setting.count("shop/b", 20), 1);
    setting.member("shop/g", "shop/a-0", 20);
    assert_eq!(setting.count("shop/b", 30), 1);
}
