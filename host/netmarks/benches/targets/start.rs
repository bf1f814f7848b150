//! Row 11: from exec to ready, with the whole cluster listed and the metrics store asked for now and the past.

use crate::feed::Feed;
use crate::report::Figure;
use crate::served::Served;
use crate::synthetic::Size;

pub fn figures(size: Size) -> Vec<Figure> {
    let feed = Feed::start(size);
    let served = Served::start(&feed, &[]);
    let (listing, bytes) = feed.listed();
    // Pages of pods are asked for one after the other, and each is waited for.
    let without_api = served.start.saturating_sub(listing);
    let detail = format!(
        "{:.2} s in all, of which {} MB of pods took {:.2} s to be written; {:.2} s of CPU; the store was asked {} times",
        served.start.as_secs_f64(),
        bytes >> 20,
        listing.as_secs_f64(),
        served.cpu().as_secs_f64(),
        feed.asked().len()
    );
    vec![Figure {
        row: "11",
        name: "exec to ready".to_owned(),
        value: without_api.as_secs_f64(),
        unit: "s",
        detail,
    }]
}
