//! Row 11: from exec to ready, with the whole cluster listed and the metrics store asked for now and the past.

use crate::feed::Feed;
use crate::report::Figure;
use crate::served::Served;
use crate::synthetic::Size;

pub fn figures(size: Size) -> Vec<Figure> {
    let feed = Feed::start(size);
    let served = Served::start(&feed, &[]);
    let (listing, bytes) = feed.listed();
    // A page is written while the one before is decoded, so nothing of that is waited for and could be left out.
    let detail = format!(
        "{} MB of pods took {:.2} s to be written meanwhile; {:.2} s of CPU; the store was asked {} times",
        bytes >> 20,
        listing.as_secs_f64(),
        served.cpu().as_secs_f64(),
        feed.asked().len()
    );
    vec![Figure {
        row: "11",
        name: "exec to ready".to_owned(),
        value: served.start.as_secs_f64(),
        unit: "s",
        detail,
    }]
}
