//! What the first moves of a plan gain, and where it ends.

use crate::file::{CurvePoint, Gain, PlanEnd};

/// Shares of all pods at which the curve is shown.
const SHARES: [f64; 5] = [0.01, 0.05, 0.1, 0.25, 0.5];

/// After the first so many percent of all pods, and after all moves.
pub(crate) fn curve(gains: &[Gain], pods: usize) -> Vec<CurvePoint> {
    let mut points: Vec<CurvePoint> = Vec::new();
    let all: f64 = gains.iter().map(|gain| gain.within_nodes_bytes_per_second).sum();
    let at_shares = SHARES.iter().map(|share| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `pods`")]
        let moves = (pods as f64 * share).ceil() as usize;
        moves
    });
    for moves in at_shares.chain([gains.len()]).map(|moves| moves.min(gains.len())) {
        if moves == 0 || points.last().is_some_and(|last| last.moves == moves) {
            continue;
        }
        let first = gains.iter().take(moves);
        let within_nodes: f64 = first.clone().map(|gain| gain.within_nodes_bytes_per_second).sum();
        points.push(CurvePoint {
            moves,
            share_of_pods: moves as f64 / pods.max(1) as f64,
            within_nodes,
            within_zones: first.map(|gain| gain.within_zones_bytes_per_second).sum(),
            share_of_gain: if all > 0.0 { within_nodes / all } else { 0.0 },
        });
    }
    points
}

/// How many of the moves the plan has, and why no more: it ends where it has `stop_at` (of 1) of what all gain, and has at most `most`.
pub(crate) fn end(gains: &[Gain], stop_at: f64, most: usize) -> (usize, PlanEnd) {
    let all: f64 = gains.iter().map(|gain| gain.within_nodes_bytes_per_second).sum();
    let mut sum = 0.0;
    for (index, gain) in gains.iter().enumerate() {
        if index == most {
            return (most, PlanEnd::Moves);
        }
        sum += gain.within_nodes_bytes_per_second;
        if sum >= all * stop_at * (1.0 - 1e-9) && index + 1 < gains.len() {
            return (index + 1, PlanEnd::StopAt);
        }
    }
    (gains.len(), PlanEnd::NothingLeft)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gains(of: &[f64]) -> Vec<Gain> {
        of.iter().map(|bytes| Gain { within_nodes_bytes_per_second: *bytes, ..Gain::default() }).collect()
    }

    #[test]
    fn the_curve_ends_with_all_moves_and_has_no_point_twice() {
        let points = curve(&gains(&[50.0, 30.0, 20.0]), 20);
        let seen: Vec<(usize, f64)> = points.iter().map(|point| (point.moves, point.share_of_gain)).collect();
        assert_eq!(seen, [(1, 0.5), (2, 0.8), (3, 1.0)]);
        assert!(curve(&[], 20).is_empty());
    }

    #[test]
    fn a_plan_ends_at_its_share_or_its_number_whichever_is_first() {
        let gains = gains(&[50.0, 30.0, 15.0, 5.0]);
        assert_eq!(end(&gains, 0.9, 10), (3, PlanEnd::StopAt));
        assert_eq!(end(&gains, 0.9, 2), (2, PlanEnd::Moves));
        assert_eq!(end(&gains, 1.0, 10), (4, PlanEnd::NothingLeft));
        assert_eq!(end(&gains, 0.5, 1), (1, PlanEnd::StopAt), "it has what it should have");
        assert_eq!(end(&[], 0.9, 10), (0, PlanEnd::NothingLeft));
    }
}
