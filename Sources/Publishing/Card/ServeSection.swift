// The commands that serve a release, engine by engine, and what is known to differ or fail in each version: the
// rules of the target profiles, asked about these very weights.

import Architectures
import Diagnostics

/// Commands and known defects for some targets.
struct ServeSection {
    let targets: [Target]
    let scheme: SchemeDescription?
    let configuration: BailingMoeV2Configuration
    /// The name that users load.
    let model: String
    /// The layout that a plan found best, and for which target, with its command.
    let topology: TopologyFacts?

    /// A command for each target that loads these weights; what does not is told with the limits.
    func commands(_ language: CardLanguage) -> String {
        targets.filter { refusal($0) == nil }.map { target in
            let isPython = target.engine.name.hasPrefix("transformers")
            return "**\(target.engine.title)**, \(target.device.title)\n\n"
                + "```\(isPython ? "python" : "sh")\n\(command(target))\n```"
        }.joined(separator: "\n\n")
    }

    private func command(_ target: Target) -> String {
        if let topology, topology.target == target.name, let serve = topology.serve,
            let checkpoint = topology.checkpoint
        {
            // As the plan wrote it for a shell, and as it is.
            return serve.replacing(shellWord(checkpoint), with: model).replacing(checkpoint, with: model)
        }
        if target.engine.name.hasPrefix("sglang") {
            return "python -m sglang.launch_server --model-path \(model) --trust-remote-code"
        }
        if target.engine.name.hasPrefix("transformers") {
            return """
                from transformers import AutoModelForCausalLM, AutoTokenizer

                tokenizer = AutoTokenizer.from_pretrained("\(model)", trust_remote_code=True)
                model = AutoModelForCausalLM.from_pretrained("\(model)", trust_remote_code=True)
                text = tokenizer.apply_chat_template(
                    [{"role": "user", "content": "Hello"}], tokenize=False, add_generation_prompt=True)
                inputs = tokenizer(text, return_tensors="pt")
                print(tokenizer.decode(model.generate(**inputs, max_new_tokens=200)[0]))
                """
        }
        return "vllm serve \(model) --trust-remote-code"
    }

    private func findings(_ target: Target) -> [Finding] {
        target.findings(configuration) + (scheme.map { target.findings($0, .judging) } ?? [])
    }

    private func refusal(_ target: Target) -> String? {
        findings(target).first { $0.level == .error }.map { $0.cause ?? $0.what }
    }

    /// A line for each thing that is known of a target and these weights.
    func defects(_ language: CardLanguage) -> String {
        targets.flatMap { target -> [String] in
            let place = "- \(target.engine.title), \(target.device.title): "
            if let refusal = refusal(target) {
                return [place + language.choose("does not load these weights: ", "无法加载本权重：") + refusal]
            }
            return findings(target).map { place + ($0.cause ?? $0.what) }
        }.joined(separator: "\n")
    }
}
