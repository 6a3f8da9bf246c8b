// Which statistics of a calibration a scheme can use, as its profile says: nothing else has to be gathered for it.

import Calibration
import Diagnostics
import Documents

/// A kind of statistics and what a scheme does with it.
///
/// - Checked by: SchemeTests.
package struct SchemeStatistics: Equatable, Sendable {
    package let observer: Observer
    package let why: String

    /// The member `statistics` of a scheme; a scheme without it takes nothing from a calibration.
    static func list(_ reader: StrictReader) throws(DocumentError) -> [SchemeStatistics] {
        guard reader.has("statistics") else { return [] }
        var list: [SchemeStatistics] = []
        for item in try reader.objects("statistics") {
            let observer = try item.choice("observer", Observer.self)
            guard !list.contains(where: { $0.observer == observer }) else {
                throw item.mismatch("observer", "every kind once")
            }
            list.append(SchemeStatistics(observer: observer, why: try item.string("why")))
            try item.finish()
        }
        return list
    }

    /// What the schemes of these names can use together, each kind with its reasons.
    ///
    /// - Throws: CAL-011 when none of them uses anything; SCHEME-001 for a name that is none.
    package static func needed(by names: [String]) throws(Failure) -> [CalibrationReason] {
        var reasons: [CalibrationReason] = []
        for name in names {
            let scheme = try SchemeLibrary.scheme(name)
            reasons += scheme.statistics.map {
                CalibrationReason(observer: $0.observer, scheme: scheme.name, why: $0.why)
            }
        }
        guard reasons.isEmpty else { return reasons.sorted { $0.observer < $1.observer } }
        let others = SchemeLibrary.names.filter {
            (try? SchemeLibrary.scheme($0))?.statistics.isEmpty == false
        }
        throw Failure(
            Finding(
                .error, .nothingToCalibrate, "nothing of a calibration is used by what was asked for",
                option: names.map { "--scheme \($0)" }.joined(separator: " "),
                expected: "a scheme that uses statistics: " + others.joined(separator: ", "),
                found: "scales that follow from the weights alone",
                remedy: "quantise without a calibration, or leave --scheme out to record everything"))
    }
}
