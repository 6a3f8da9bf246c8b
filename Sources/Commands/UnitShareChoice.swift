// Which share of a plan a worker does: from its options, or from what a scheduler puts in its environment.

import Checkpoints
import Diagnostics
import Glibc

/// One of so many shares.
struct UnitShareChoice: Equatable {
    /// From 0.
    let index: Int
    let count: Int

    /// - Parameters:
    ///   - index: of an option; nil asks the environment.
    ///   - environment: a variable by its name.
    /// - Source: Slurm 23, sbatch(1), SLURM_ARRAY_TASK_*; Kubernetes Jobs, completionMode Indexed.
    init(index: Int?, count: Int?, environment: (String) -> String?) throws(Failure) {
        /// A variable that is set must be a number: a share that is guessed is a share that is missing.
        func number(_ name: String) throws(Failure) -> Int? {
            guard let text = environment(name) else { return nil }
            guard let value = Int(text), value >= 0 else {
                throw Self.failure(
                    "the scheduler's variable is no number", name, "a number from 0", "\"\(text)\"")
            }
            return value
        }
        var chosen = index
        var shares = count
        if chosen == nil, let task = try number("SLURM_ARRAY_TASK_ID") {
            let first = try number("SLURM_ARRAY_TASK_MIN") ?? 0
            let step = max(1, try number("SLURM_ARRAY_TASK_STEP") ?? 1)
            guard task >= first, (task - first) % step == 0 else {
                throw Self.failure(
                    "the task of the array is not a step from its first", "SLURM_ARRAY_TASK_ID",
                    "\(first) and a multiple of \(step)", "\(task)")
            }
            chosen = (task - first) / step
            if shares == nil { shares = try number("SLURM_ARRAY_TASK_COUNT") }
        } else if chosen == nil, let completion = try number("JOB_COMPLETION_INDEX") {
            chosen = completion
            if shares == nil { shares = try number("JOB_COMPLETIONS") }
        }
        guard let chosen else {
            throw Self.failure(
                "nothing says which share this worker does", "--index",
                "--index and --count, --unit, or SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX in the environment",
                "none of them")
        }
        if index != nil, shares == nil { shares = try number("SLURM_ARRAY_TASK_COUNT") }
        if index != nil, shares == nil { shares = try number("JOB_COMPLETIONS") }
        guard let number = shares else {
            throw Self.failure(
                "nothing says how many shares there are", "--count",
                "--count, or SLURM_ARRAY_TASK_COUNT or JOB_COMPLETIONS in the environment", "none of them")
        }
        guard (1...Self.most).contains(number), (0..<number).contains(chosen) else {
            throw Self.failure(
                "there is no such share", "--index \(chosen) --count \(number)",
                "a count from 1 to \(grouped(Self.most)), and an index from 0 to the count less one",
                "index \(chosen) of \(number)")
        }
        self.index = chosen
        self.count = number
    }

    /// More shares than any scheduler has.
    ///
    /// - Source: Slurm's MaxArraySize is at most 4,000,001.
    private static let most = 4_000_001

    private static func failure(
        _ what: String, _ option: String, _ expected: String, _ found: String
    ) -> Failure {
        Failure(
            Finding(
                .error, .unitShareUnknown, what, option: option, expected: expected, found: found,
                remedy: "ingot unit run PLAN --index 0 --count 1 does every unit"))
    }

    /// A variable of this process.
    static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
