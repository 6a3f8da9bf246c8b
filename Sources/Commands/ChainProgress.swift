// What a person sees of a chain while it runs: a head line for each stage, and the stage's own progress below it.

import Diagnostics
import Glibc
import Workbench

/// Shows a chain on standard error.
struct ChainProgress: ChainWatcher {
    let isQuiet: Bool
    private let redraws: Bool

    init(isQuiet: Bool, style: TerminalProgress.Style) {
        self.isQuiet = isQuiet || style == .none
        let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        redraws = style == .bar || (style == .auto && isatty(STDERR_FILENO) == 1 && !dumb)
    }

    func stage(_ stage: PlannedStage, _ place: Int, of count: Int) {
        guard !isQuiet else { return }
        writeError("\(place)/\(count)  \(stage.name.rawValue): \(stage.name.purpose)\n")
    }

    func said(_ line: String, by stage: PlannedStage) {
        guard !isQuiet else { return }
        writeError(redraws ? "\r\u{1B}[K     \(line)" : "     \(line)\n")
    }

    func ended(_ outcome: StageOutcome) {
        guard !isQuiet else { return }
        if redraws { writeError("\r\u{1B}[K") }
        switch outcome.end {
        case .done: writeError("     done in \(decimals(outcome.seconds, 1)) s\n")
        case .reused: writeError("     unchanged: not done again\n")
        case .failed(let status): writeError("     failed with exit status \(status)\n")
        case .stopped: writeError("     stopped\n")
        }
    }
}
