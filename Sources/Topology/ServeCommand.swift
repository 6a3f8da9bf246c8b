// The command that serves an artefact in a topology, in each engine's own words.

import Architectures
import Diagnostics

/// Writes the command line of an engine.
///
/// - Source: vLLM 0.32.0 engine/arg_utils.py; SGLang 0.5.23 srt/server_args.py.
/// - Checked by: PlanCommandTests.
package enum ServeCommand {
    /// The command, in one line.
    package static func text(
        _ judged: JudgedTopology, _ request: PlanRequest, checkpoint: String, expertMap: String? = nil
    ) -> String {
        let topology = judged.topology
        // An engine refuses a length that the config does not reach; that is a finding of its own.
        let length = min(request.context, judged.rules.configuration.reach(request.target.engine))
        var words: [String]
        switch request.target.engine.parallelism.family {
        case .vllm:
            words = vllm(topology, request, checkpoint, length, judged.rules)
            if let expertMap, request.target.engine.parallelism.expertMap == .vllmAscend {
                words += ["--additional-config", "{\"expert_map_path\":\"\(expertMap)\"}"]
            }
        case .sglang:
            words = sglang(topology, request, checkpoint, length)
            if let expertMap { words += ["--init-expert-location", expertMap] }
        case .single:
            return "AutoModelForCausalLM.from_pretrained(\"\(checkpoint)\", trust_remote_code=True)"
        }
        return words.map(shellWord).joined(separator: " ")
    }

    private static func vllm(
        _ topology: ParallelTopology, _ request: PlanRequest, _ checkpoint: String, _ length: Int,
        _ rules: SplitRules
    ) -> [String] {
        var words = ["vllm", "serve", checkpoint, "--trust-remote-code"]
        func add(_ option: String, _ degree: Int) {
            if degree > 1 { words += [option, "\(degree)"] }
        }
        add("--tensor-parallel-size", topology.tensor)
        add("--pipeline-parallel-size", topology.pipeline)
        add("--data-parallel-size", topology.data)
        if topology.expert > 1 { words.append("--enable-expert-parallel") }
        if rules.placement == .roundRobin { words += ["--expert-placement-strategy", "round_robin"] }
        if request.allToAll == .deepEP { words += ["--all2all-backend", "deepep_low_latency"] }
        words += ["--max-model-len", "\(length)"]
        if request.cache == .fp8 { words += ["--kv-cache-dtype", "fp8"] }
        if let share = request.utilisation { words += ["--gpu-memory-utilization", "\(share)"] }
        return words
    }

    private static func sglang(
        _ topology: ParallelTopology, _ request: PlanRequest, _ checkpoint: String, _ length: Int
    ) -> [String] {
        var words = [
            "python", "-m", "sglang.launch_server", "--model-path", checkpoint, "--trust-remote-code",
        ]
        func add(_ option: String, _ degree: Int) {
            if degree > 1 { words += [option, "\(degree)"] }
        }
        // Its --tp counts every device of a stage.
        add("--tp", topology.expertRanks)
        add("--pp", topology.pipeline)
        if topology.data > 1 { words += ["--dp", "\(topology.data)", "--enable-dp-attention"] }
        add("--ep", topology.expert)
        if request.allToAll == .deepEP { words += ["--moe-a2a-backend", "deepep"] }
        words += ["--context-length", "\(length)"]
        if request.cache == .fp8 { words += ["--kv-cache-dtype", "fp8_e4m3"] }
        if let share = request.utilisation { words += ["--mem-fraction-static", "\(share)"] }
        return words
    }
}
