// A report of a whole chain with every kind of record, in small: what the page of a run is tested on.

import Documents
import Workbench

enum SampleRun {
    /// What each stage printed, by stage; shapes are those of the commands' own documents.
    private static let results: [(stage: StageName, result: String)] = [
        (.validate, ledger("BF16", 16_287_168, scales: 0)),
        (
            .calibrate,
            """
            {"texts": 40, "tokens": 5120, "least": 128, "uncovered": [{"layer": 1, "experts": [3, 5]}],
             "experts": [{"layer": 1, "tokens": [900, 800, 700, 20, 650, 11, 500, 800], "weights": []},
                         {"layer": 2, "tokens": [600, 650, 700, 720, 640, 500, 550, 760], "weights": []}]}
            """
        ),
        (
            .quantise,
            """
            {"input_bytes": 16287168, "output_bytes": 9259000,
             "error": {"relative_rms": 0.02581, "sqnr_db": 31.76},
             "roles": [
              {"role": "attention-qkv", "tensors": 4, "worst_relative_rms": 0.0263,
               "error": {"relative_rms": 0.0259, "sqnr_db": 31.7}},
              {"role": "expert-down", "tensors": 24, "worst_relative_rms": 0.0271,
               "error": {"relative_rms": 0.0257, "sqnr_db": 31.8}}]}
            """
        ),
        (.validateArtefact, ledger("F8_E4M3", 9_209_312, scales: 13_824)),
        (.draftTrain, #"{"steps": 200, "loss": 4.213, "coverage": 0.981}"#),
        (.draftAudit, #"{"errors": 0, "warnings": 1}"#),
        (
            .draftMeasure,
            """
            {"acceptance_length": {"mean": 1.912, "half_width": 0.081, "count": 400, "clusters": 40},
             "positions": [
              {"rate": {"mean": 0.6, "half_width": 0.04}, "conditional": {"mean": 0.6, "half_width": 0.04}},
              {"rate": {"mean": 0.2, "half_width": 0.03}, "conditional": {"mean": 0.33, "half_width": null}},
              {"rate": null, "conditional": null}],
             "domains": [{"domain": "codes", "acceptance_length": {"mean": 2.1, "half_width": 0.1}},
                         {"domain": "words", "acceptance_length": {"mean": 1.7, "half_width": 0.1}}],
             "plain": {"compared": 40, "equal": 40}}
            """
        ),
        (.draftAttach, #"{"output": "draft"}"#),
        (
            .verify,
            """
            {"passed": true, "tokens": 4096, "tolerance": {"name": "fp8", "reason": "the right side is FP8"},
             "gates": [
              {"quantity": "divergence-mean", "level": "outputs", "limit": 0.02, "is_floor": false,
               "found": 0.00613, "half_width": 0.0007, "passed": true, "source": "measured"},
              {"quantity": "choice-agreement", "level": "decisions", "limit": 0.95, "is_floor": true,
               "found": 0.9713, "place": "text 3", "passed": true, "source": "measured"}],
             "activations": [
              {"activation": "residual", "layer": 0, "mean": 0.011}, {"activation": "residual", "layer": 1, "mean": 0.018},
              {"activation": "attention", "layer": 0, "mean": 0.02}, {"activation": "attention", "layer": 1, "mean": 0.03},
              {"activation": "embedding", "mean": 0}],
             "routes": [{"layer": 1, "choices": 8192, "equal": 8101}, {"layer": 2, "choices": 8192, "equal": 8080}]}
            """
        ),
        (
            .shardPlan,
            """
            {"serve": "vllm serve artefact --data-parallel-size 2", "best": "dp2-ep2",
             "topologies": [{"name": "dp2-ep2", "devices": 2, "legal": true, "fits": true,
              "rank_bytes": [5100000, 5200000], "cache": {"tokens": 123456, "sequences": 12.25}}]}
            """
        ),
        (.shard, #"{"output": "sharded", "output_bytes": 9259000}"#),
        (.publishPrepare, #"{"output": "release", "upload": ["hf upload OWNER/X release"]}"#),
        (
            .publishCheck,
            """
            {"ready": true, "verdict": "ready for Hugging Face and ModelScope", "parameters": 8143536,
             "files": 17, "bytes": 11310000}
            """
        ),
    ]

    private static func ledger(_ dtype: String, _ bytes: Int, scales: Int) -> String {
        let extra =
            scales == 0
            ? ""
            : #", {"group": "block scales", "dtype": "F32", "tensors": 54, "elements": 432, "bytes": 1728}"#
        return """
            {"valid": true, "found": {"tensors": 222, "parameters": 8143536, "bytes": \(bytes), "groups": [
              {"group": "attention", "dtype": "\(dtype)", "tensors": 8, "elements": 786432, "bytes": 1572864},
              {"group": "routed experts", "dtype": "\(dtype)", "tensors": 96, "elements": 6291456,
               "bytes": \(bytes / 2)}\(extra)]}}
            """
    }

    /// The report, cut short at a stage that failed or was stopped.
    static func report(
        endingAt last: StageName? = nil, as status: String = "failed", findings: [JSONValue] = []
    ) throws -> RunReport {
        var stages: [JSONValue] = []
        var isOver = false
        for (stage, result) in results {
            let isLast = stage == last
            let own = isOver ? "not run" : isLast ? status : stage == .validate ? "reused" : "done"
            let path = "stages/\(stage.rawValue)/record.json"
            var outputs: [JSONValue] = []
            if let folder = stage.output, !isOver, !isLast {
                outputs = [
                    [
                        "path": .string(folder), "files": 9, "bytes": 9_259_000,
                        "sha256": .string(String(repeating: "3f", count: 32)),
                    ]
                ]
            }
            stages.append([
                "stage": .string(stage.rawValue), "command": .string("ingot \(stage.rawValue) x"),
                "status": .string(own), "exit": isOver ? .null : isLast ? 1 : 0,
                "seconds": .real(isOver ? 0 : 2.5 + Double(stages.count)),
                "peak_bytes": isOver ? .null : .integer(40 << 20), "outputs": .array(outputs),
                "record": .string(path), "page": stage.page.map(JSONValue.string) ?? .null,
                "findings": .array(isLast || stage == .draftAudit && last == nil ? findings : []),
                "result": isOver || isLast ? .null : try JSONValue(parsing: Array(result.utf8)),
            ])
            isOver = isOver || isLast
        }
        return try RunReport([
            "format": 1, "program": "ingot 1", "name": "sample", "summary": "A chain in small",
            "target": "vllm-0.32.0/cpu", "checkpoint": "/models/source", "folder": "/runs/sample",
            "complete": .bool(last == nil), "seconds": .real(99.5), "stages": .array(stages),
        ])
    }
}
