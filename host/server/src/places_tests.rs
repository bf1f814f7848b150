//! Who gets a place, and who goes for it.

use super::*;

const MANY: [u8; 4] = [192, 0, 2, 1];
const FEW: [u8; 4] = [192, 0, 2, 2];

fn take(places: &Arc<Places>, address: [u8; 4]) -> Place {
    places.take(address.into(), false).unwrap()
}

/// One whose last request was answered.
fn proven(places: &Arc<Places>, address: [u8; 4]) -> Place {
    let place = take(places, address);
    place.activity.handler_begun(false);
    place.activity.proven();
    place.activity.handler_ended();
    place
}

fn closed(places: &Places, reason: CloseReason) -> u64 {
    places.census().closed.iter().find(|(known, _)| *known == reason).unwrap().1
}

fn open(places: &Places, state: ConnectionState) -> usize {
    places.census().open.iter().find(|(known, _)| *known == state).unwrap().1
}

async fn later() {
    tokio::time::advance(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_goes_first_and_never_a_request_under_way() {
    let places = Arc::new(Places::new(3, 3));
    let busy = take(&places, MANY);
    busy.activity.handler_begun(false);
    later().await;
    let oldest = take(&places, MANY);
    later().await;
    let newer = take(&places, MANY);
    later().await;
    let _next = take(&places, MANY);
    assert_eq!(
        [&busy, &oldest, &newer].map(|place| place.closed.is_cancelled()),
        [false, true, false],
        "{places:?}"
    );
    assert_eq!(closed(&places, CloseReason::Displaced), 1);
    assert_eq!(open(&places, ConnectionState::Answering), 1);
    assert_eq!(open(&places, ConnectionState::Opening), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_before_stays_longer_than_what_never_asked() {
    let places = Arc::new(Places::new(2, 2));
    let scheduler = proven(&places, MANY);
    later().await;
    for _ in 0..1_000 {
        let idle = take(&places, MANY);
        later().await;
        drop(idle);
        let _silent = (take(&places, MANY), take(&places, MANY));
        assert!(!scheduler.closed.is_cancelled());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_goes_for_itself_once_it_has_its_share() {
    let places = Arc::new(Places::new(4, 2));
    let other = take(&places, FEW);
    later().await;
    let first = take(&places, MANY);
    later().await;
    let second = take(&places, MANY);
    later().await;
    let third = take(&places, MANY);
    assert!(first.closed.is_cancelled() && !other.closed.is_cancelled());
    for place in [&second, &third] {
        place.activity.handler_begun(false);
    }
    assert!(places.take(MANY.into(), false).is_none(), "all of its own are under way");
    assert_eq!(closed(&places, CloseReason::Refused), 1);
    take(&places, FEW);
}

#[tokio::test(start_paused = true)]
async fn of_two_clients_the_one_with_more_gives_way() {
    let places = Arc::new(Places::new(4, 3));
    let few = take(&places, FEW);
    later().await;
    // Proven, and newer: it goes nevertheless, since its client has most.
    let many: Vec<Place> = (0..3).map(|_| proven(&places, MANY)).collect();
    take(&places, [192, 0, 2, 3]);
    assert!(!few.closed.is_cancelled());
    assert_eq!(many.iter().filter(|place| place.closed.is_cancelled()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn whose_time_is_over_is_closed_and_counted() {
    let places = Arc::new(Places::new(9, 9));
    let handshake = places.take(MANY.into(), true).unwrap();
    let silent = take(&places, MANY);
    let idle = proven(&places, MANY);
    let unread = take(&places, MANY);
    unread.activity.handler_begun(false);
    unread.activity.answer_begun(1);
    unread.activity.handler_ended();
    places.sweep();
    assert!(!handshake.closed.is_cancelled());
    tokio::time::advance(Duration::from_secs(5)).await;
    places.sweep();
    assert!(handshake.closed.is_cancelled() && silent.closed.is_cancelled());
    assert!(!unread.closed.is_cancelled());
    tokio::time::advance(Duration::from_secs(5)).await;
    places.sweep();
    assert!(unread.closed.is_cancelled() && !idle.closed.is_cancelled());
    tokio::time::advance(Duration::from_secs(110)).await;
    places.sweep();
    assert!(idle.closed.is_cancelled());
    for reason in CloseReason::iter() {
        let expected = matches!(
            reason,
            CloseReason::HandshakeTimeout
                | CloseReason::RequestTimeout
                | CloseReason::Unread
                | CloseReason::Idle
        );
        assert_eq!(closed(&places, reason), u64::from(expected), "{reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn places_come_back() {
    let places = Arc::new(Places::new(2, 1));
    drop(take(&places, MANY));
    let _again = take(&places, MANY);
    assert_eq!(closed(&places, CloseReason::Displaced), 0);
    places.shed();
    assert_eq!(closed(&places, CloseReason::Displaced), 1);
    assert!(places.table().of_client.is_empty());
}
