//! What holds of all that a policy returns.

use netmarks_core::request::PolicyRequest;
use netmarks_engine::Policy;

/// Scores and explains: what comes back keeps to the contract's bounds, or is a fault that says something.
pub fn check(policy: &Policy, request: &PolicyRequest) {
    match policy.score(request) {
        Ok(scores) => {
            assert_eq!(scores.len(), request.candidates as usize);
            assert!(scores.iter().all(|score| score.is_finite()));
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
    match policy.explain(request, 1) {
        Ok(parts) => assert!(
            parts.len() <= 256 && parts.iter().all(|part| part.amount.is_finite() && part.label.len() <= 128)
        ),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
}
