// report.json read back, so that a page can be drawn again from nothing but the file.

import Checkpoints
import Documents

extension RunReport {
    /// Reads the document that a run wrote.
    package init(_ document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        guard try reader.integer("format") == Self.format else {
            throw reader.mismatch("format", "\(Self.format), the format this program reads")
        }
        name = try reader.string("name")
        summary = reader.has("summary") ? try reader.string("summary") : nil
        target = reader.has("target") ? try reader.string("target") : nil
        checkpoint = try reader.string("checkpoint")
        folder = try reader.string("folder")
        var stages: [Stage] = []
        for stage in try reader.objects("stages") { stages.append(try Stage(stage)) }
        self.stages = stages
        // Which program wrote it, and what follows from the stages.
        for key in ["program", "complete", "seconds"] { _ = try reader.required(key) }
        try reader.finish()
    }
}

extension RunReport.Stage {
    fileprivate init(_ reader: StrictReader) throws(DocumentError) {
        guard let name = StageName(rawValue: try reader.string("stage")) else {
            throw reader.mismatch(
                "stage", "one of " + StageName.allCases.map(\.rawValue).joined(separator: ", "))
        }
        var outputs: [StageOutput] = []
        for output in try reader.objects("outputs") {
            outputs.append(
                StageOutput(
                    path: try output.string("path"), digest: try output.string("sha256"),
                    files: try output.integer("files"), bytes: try output.integer("bytes")))
            try output.finish()
        }
        var findings: [JSONValue] = []
        if case .array(let own) = try reader.required("findings") { findings = own }
        self.init(
            name: name, line: try reader.string("command"), status: try reader.string("status"),
            exit: reader.has("exit") ? Int32(truncatingIfNeeded: try reader.integer("exit")) : nil,
            seconds: try reader.double("seconds"),
            peakBytes: reader.has("peak_bytes") ? try reader.integer("peak_bytes") : nil, outputs: outputs,
            recordPath: try reader.string("record"),
            page: reader.has("page") ? try reader.string("page") : nil,
            findings: findings, result: try reader.required("result"))
        try reader.finish()
    }
}
