//! Prefers nodes with idle CPU: the example to change into a policy of your own.

use netmarks_policy_sdk::{Need, Parameter, Part, Policy, Request, export};

#[derive(Debug)]
struct IdleCpu;

impl Policy for IdleCpu {
    const NAME: &'static str = "{{name}}";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Prefers nodes with idle CPU.";

    // What the host shall tell: see `needs` in wit/policy.wit for all there is.
    const NEEDS: &'static [Need] = &[Need::NodeCpuAllocatable, Need::NodeCpuRequested];

    // What an operator may set.
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::number("reserve", "Cores to leave idle on every node.", 0.0, 0.0, 64.0)];

    // One number per candidate, higher is better, in any unit.
    fn score(request: &Request) -> Result<Vec<f64>, String> {
        let reserve = request.parameters().number("reserve")?;
        let allocatable = request.numbers(Need::NodeCpuAllocatable)?;
        let requested = request.numbers(Need::NodeCpuRequested)?;
        let idle = allocatable.iter().zip(requested).map(|(all, used)| all - used - reserve);
        Ok(idle.take(request.candidates()).collect())
    }

    // What one node's score is made of, for people who ask why.
    fn explain(request: &Request, node: u32) -> Result<Vec<Part>, String> {
        let at = |need| Ok::<_, String>(request.numbers(need)?.get(node as usize).copied().unwrap_or(0.0));
        let part = |label: &str, amount| Part { peer: None, label: label.to_owned(), amount };
        Ok(vec![
            part("allocatable cores", at(Need::NodeCpuAllocatable)?),
            part("requested cores", -at(Need::NodeCpuRequested)?),
            part("reserved cores", -request.parameters().number("reserve")?),
        ])
    }
}

export!(IdleCpu);

#[cfg(test)]
mod tests {
    use netmarks_policy_sdk::testing::RequestBuilder;

    use super::*;

    #[test]
    fn idle_cores_are_what_is_left() {
        let request = RequestBuilder::new::<IdleCpu>(2)
            .numbers(Need::NodeCpuAllocatable, &[4.0, 8.0])
            .numbers(Need::NodeCpuRequested, &[1.0, 2.0])
            .number("reserve", 1.0)
            .build();
        assert_eq!(IdleCpu::score(&request), Ok(vec![2.0, 5.0]));
    }
}
