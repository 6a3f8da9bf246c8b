// Progress on standard error: a bar that redraws itself on a terminal, a plain line now and then otherwise.

import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Shows stage, share, amount, rate and time left.
package final class TerminalProgress: ProgressSink {
    /// How progress is shown.
    package enum Style: String, Sendable, CaseIterable {
        case auto, none, plain, bar
    }

    private struct State {
        var stage = ""
        var unit = ProgressUnit.bytes
        var total = 0
        var done = 0
        var started = ContinuousClock.now
        var shown = ContinuousClock.now
        var active = false
        var note = ""
    }

    private let style: Style
    private let state = Mutex(State())

    /// `auto` is a bar when standard error is a terminal that can redraw a line, plain lines otherwise.
    package init(_ style: Style) {
        guard style == .auto else {
            self.style = style
            return
        }
        let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        self.style = isatty(STDERR_FILENO) == 1 && !dumb ? .bar : .plain
    }

    package func begin(stage: String, total: Int, unit: ProgressUnit) {
        state.withLock {
            let now = ContinuousClock.now
            $0 = State(
                stage: stage, unit: unit, total: total, done: 0, started: now, shown: now, active: true)
        }
    }

    package func advance(_ amount: Int) {
        guard style != .none else { return }
        state.withLock {
            $0.done += amount
            let now = ContinuousClock.now
            // A bar redraws ten times a second; a log line every ten seconds is enough.
            guard now - $0.shown >= (style == .bar ? .milliseconds(100) : .seconds(10)) else { return }
            $0.shown = now
            show($0, now: now)
        }
    }

    package func note(_ text: String) { state.withLock { $0.note = text } }

    package func end() {
        guard style != .none else { return }
        state.withLock {
            guard $0.active else { return }
            $0.active = false
            if style == .bar { write("\r\u{1B}[K") }
        }
    }

    private func show(_ state: State, now: ContinuousClock.Instant) {
        let seconds = (now - state.started) / .seconds(1)
        let rate = seconds > 0 ? Double(state.done) / seconds : 0
        let share = state.total > 0 ? min(1, Double(state.done) / Double(state.total)) : 0
        let left = rate > 0 ? Double(max(0, state.total - state.done)) / rate : 0
        let figures =
            "\(decimals(share * 100, 0)) %  \(state.unit.text(state.done)) of \(state.unit.text(state.total))"
            + "  \(self.rate(rate, state.unit))/s  \(Self.clock(left)) left"
            + (state.note.isEmpty ? "" : "  " + state.note)
        switch style {
        case .bar:
            let filled = Int(share * 24)
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
            write("\r\u{1B}[K\(state.stage)  \(bar)  \(figures)")
        default: write("\(state.stage)  \(figures)\n")
        }
    }

    private func rate(_ rate: Double, _ unit: ProgressUnit) -> String {
        unit == .bytes || rate >= 10
            ? unit.text(Int(rate)) : "\(decimals(rate, rate < 1 ? 2 : 1)) \(unit.rawValue)"
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 359_999).rounded())
        let text = whole % 60 < 10 ? "0\(whole % 60)" : "\(whole % 60)"
        return whole < 3600
            ? "\(whole / 60):\(text)"
            : "\(whole / 3600):\(whole / 60 % 60 < 10 ? "0" : "")\(whole / 60 % 60):\(text)"
    }

    private func write(_ text: String) {
        var text = text
        _ = text.withUTF8 { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
