// The words of tables and charts in the two languages of a card.

/// A language of a card.
package enum CardLanguage: String, CaseIterable, Sendable {
    case english = "en"
    case chinese = "zh"

    /// One of two texts.
    func choose(_ english: String, _ chinese: String) -> String { self == .english ? english : chinese }
}

extension CardLanguage {
    /// What a quantity of a parity report is called.
    func quantity(_ name: String) -> String {
        let words: [String: (String, String)] = [
            "weights-plain": ("weights kept as they are, difference", "未量化权重的差异"),
            "weights-codes": ("quantised weights, worst relative RMS error", "量化权重的最大相对均方根误差"),
            "weights-band": ("worst band of 128 rows, relative RMS error", "最差 128 行的相对均方根误差"),
            "weights-values": ("weights, relative RMS difference", "权重的相对均方根差异"),
            "route-agreement": ("routed experts that agree", "路由专家一致率"),
            "divergence-mean": ("mean KL divergence of the next token, nats", "下一词元分布的平均 KL 散度（奈特）"),
            "divergence-largest": ("largest KL divergence, nats", "最大 KL 散度（奈特）"),
            "choice-agreement": ("top-1 agreement", "首选词元一致率"),
            "perplexity-rise": ("rise of perplexity, relative", "困惑度相对上升"),
            "accuracy-drop": ("drop of multiple-choice accuracy", "选择题准确率下降"),
            "batch-flips": ("routes that change with the batch", "随批次变化的路由"),
            "greedy-tokens": ("greedy tokens that agree", "贪心解码一致词元"),
        ]
        guard let pair = words[name] else { return name.replacing("-", with: " ") }
        return choose(pair.0, pair.1)
    }

    /// What a role is called; the English names are the program's own.
    func role(_ name: String) -> String {
        let chinese: [String: String] = [
            "attention-qkv": "注意力 QKV", "attention-output": "注意力输出", "dense-gate": "稠密层 gate",
            "dense-up": "稠密层 up", "dense-down": "稠密层 down", "shared-expert-gate": "共享专家 gate",
            "shared-expert-up": "共享专家 up", "shared-expert-down": "共享专家 down", "expert-gate": "路由专家 gate",
            "expert-up": "路由专家 up", "expert-down": "路由专家 down", "embedding": "词嵌入",
            "output-head": "输出头", "router-gate": "路由器", "router-bias": "路由偏置",
        ]
        return self == .english ? name : chinese[name] ?? name
    }
}
