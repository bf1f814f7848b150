//! What a reader has to know to judge the figures of a report: the same sentences for every form of it.

use crate::report::SimulationReport;

impl SimulationReport {
    /// Sentences about runs that are not done, policies that failed, how figures are made, and what the snapshot and the model leave out.
    /// Names in them are as they came: whoever shows them escapes them.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let repetitions = self.conditions.repetitions;
        for arm in &self.study.arms {
            if arm.repetitions < repetitions {
                remarks.push(format!("`{}`: {} of {repetitions} runs are done.", arm.name, arm.repetitions));
            }
            if arm.faults > 0 {
                remarks.push(format!(
                    "`{}`: a policy failed in {} of {} decisions; those count without its score.",
                    arm.name, arm.faults, arm.decisions
                ));
            }
        }
        remarks.push(format!(
            "± is half of a 95% interval over {repetitions} runs; pp are percentage points. A difference whose interval has zero in it is \
             not clear. Traffic is spread evenly over an application's pods, except in the lines `routed locally` and `routed in zones`. \
             Response times are a model's, not measurements."
        ));
        if self.conditions.flows == 0 {
            remarks.push(
                "The snapshot has no traffic, so there is nothing to gain; `netmarks doctor` says why."
                    .to_owned(),
            );
        }
        let missing = self.conditions.missing.iter();
        remarks.extend(missing.map(|missing| format!("The snapshot lacks {missing}")));
        let left_out = self.conditions.left_out.iter();
        remarks.extend(left_out.map(|(sentence, pods)| format!("Left out for {pods} pods: {sentence}")));
        remarks
    }
}
