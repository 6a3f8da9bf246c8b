// The rope_scaling block of a config: the one kind the family uses, YaRN, with its keys.

import Diagnostics
import Documents

/// A YaRN block as written.
///
/// - Source: README of inclusionAI/Ling-flash-2.0 (factor 4.0, original 32768); the optional keys are those of
///   transformers modeling_rope_utils.
package struct RopeScaling: Equatable, Sendable {
    /// f as written; engines may not use it, see `YaRN.effectiveFactor`.
    package let factor: Double
    /// L, tokens of the context the model was trained on.
    package let originalContextLength: Int
    /// Rotations over L at and above which a channel keeps its frequency; 32 when absent.
    package let betaFast: Double?
    /// Rotations over L at and below which a channel is fully interpolated; 1 when absent.
    package let betaSlow: Double?
    /// The factor on cos and sin, when it is given outright.
    package let attentionFactor: Double?
    /// The numerator of the factor on cos and sin, in the form with two constants.
    package let mscale: Double?
    /// The denominator of the factor on cos and sin, in the form with two constants.
    package let mscaleAllDimensions: Double?

    /// A block from its numbers; nil is an absent key.
    package init(
        factor: Double, originalContextLength: Int, betaFast: Double? = nil, betaSlow: Double? = nil,
        attentionFactor: Double? = nil, mscale: Double? = nil, mscaleAllDimensions: Double? = nil
    ) {
        self.factor = factor
        self.originalContextLength = originalContextLength
        self.betaFast = betaFast
        self.betaSlow = betaSlow
        self.attentionFactor = attentionFactor
        self.mscale = mscale
        self.mscaleAllDimensions = mscaleAllDimensions
    }
}

extension RopeScaling {
    private static let keys = [
        "type", "rope_type", "factor", "original_max_position_embeddings", "beta_fast", "beta_slow",
        "attention_factor", "mscale", "mscale_all_dim", "truncate",
    ]

    /// Reads the member `rope_scaling` and adds what is wrong with it; nil when it is null, absent or wrong.
    static func read(_ reader: inout ConfigurationReader) -> RopeScaling? {
        let field = "rope_scaling"
        guard let value = reader.value(field) else { return nil }
        guard case .object(let object) = value else {
            reader.mismatch(field, "null or an object", value)
            return nil
        }
        var inner = ConfigurationReader(object, file: reader.file)
        let scaling = read(block: &inner)
        for key in object.keys where !keys.contains(key) {
            let near = nearMiss(key, among: keys.filter { object[$0] == nil })
            inner.report(
                .ropeScalingAmbiguous, "a key of rope_scaling that nobody is known to read", field: key,
                expected: "keys of YaRN", found: "\"\(key)\"",
                remedy: near.map { "did you mean \"\($0)\"?" } ?? "remove it")
        }
        let findings = inner.findings.findings.map { $0.inside(field) }
        reader.findings.add(findings)
        return inner.findings.hasErrors ? nil : scaling
    }

    private static func read(block reader: inout ConfigurationReader) -> RopeScaling? {
        let old = reader.string("type")
        let new = reader.string("rope_type")
        if let old, let new, old != new {
            reader.report(
                .ropeScalingAmbiguous, "type and rope_type disagree", field: "rope_type", expected: old,
                found: new)
        }
        guard let kind = new ?? old else {
            reader.report(
                .ropeScalingAmbiguous, "rope_scaling does not say which kind it is", field: "type",
                expected: "yarn", found: "no such key", remedy: "add \"type\": \"yarn\"")
            return nil
        }
        // As good as null.
        if kind == "default" { return nil }
        guard kind == "yarn" else {
            reader.report(
                .ropeScalingAmbiguous, "a kind of rope scaling this family is not known with", field: "type",
                expected: "yarn, or rope_scaling null", found: kind)
            return nil
        }
        // transformers since 4.56 and vLLM read it; what they do without it is what everyone does with it.
        if reader.flag("truncate") == false {
            reader.report(
                .ropeScalingAmbiguous, "engines end the ramp of YaRN at different channels",
                field: "truncate",
                expected: "true, or no such key: whole channels", found: "false",
                remedy: "remove it: most engines round, whatever it says")
        }
        let factor = reader.number("factor", otherwise: "vLLM stops, transformers takes it from the lengths")
        let original = reader.integer(
            "original_max_position_embeddings",
            otherwise: "the stretched length would be taken for the trained one")
        let betas = (reader.number("beta_fast"), reader.number("beta_slow"))
        let attention = reader.number("attention_factor")
        let scales = (reader.number("mscale"), reader.number("mscale_all_dim"))
        guard let factor, let original else { return nil }
        for (key, number) in [("factor", factor), ("original_max_position_embeddings", Double(original))]
        where number < 1 || number > Double(ConfigurationRules.sizeLimit) {
            reader.report(
                .ropeScalingAmbiguous, "YaRN stretches, it does not shrink", field: key,
                expected: "from 1 to \(grouped(ConfigurationRules.sizeLimit))",
                found: "\(number)")
        }
        if let attention, attention <= 0 {
            reader.report(
                .ropeScalingAmbiguous, "the factor on cos and sin is not positive", field: "attention_factor",
                expected: "above 0", found: "\(attention)")
        }
        let (fast, slow) = (betas.0 ?? YaRN.defaultBetaFast, betas.1 ?? YaRN.defaultBetaSlow)
        if slow <= 0 || fast <= slow {
            reader.report(
                .ropeScalingAmbiguous, "the ramp of YaRN has no width", field: "beta_fast",
                expected: "beta_fast above beta_slow above 0", found: "\(fast) and \(slow)")
        }
        let scaling = RopeScaling(
            factor: factor, originalContextLength: original, betaFast: betas.0, betaSlow: betas.1,
            attentionFactor: attention, mscale: scales.0, mscaleAllDimensions: scales.1)
        let scale = YaRN.attentionFactor(scaling, factor: factor)
        if scales != (nil, nil), !(scale > 0 && scale <= YaRN.attentionFactorLimit) {
            reader.report(
                .ropeScalingAmbiguous, "the factor on cos and sin cannot be", field: "mscale",
                expected:
                    "mscale and mscale_all_dim that give one above 0, at most \(YaRN.attentionFactorLimit)",
                found: "\(scale)")
        }
        return scaling
    }

    /// Whether two blocks build the same table: what is absent is the default that everyone takes.
    func buildsSameTable(as other: RopeScaling) -> Bool {
        factor == other.factor && originalContextLength == other.originalContextLength
            && betaFast ?? YaRN.defaultBetaFast == other.betaFast ?? YaRN.defaultBetaFast
            && betaSlow ?? YaRN.defaultBetaSlow == other.betaSlow ?? YaRN.defaultBetaSlow
            && YaRN.attentionFactor(self, factor: factor) == YaRN.attentionFactor(other, factor: factor)
    }
}

extension Finding {
    /// The same finding with its field set inside another: `factor` becomes `rope_scaling.factor`.
    func inside(_ outer: String) -> Finding {
        var finding = self
        for index in finding.subjects.indices where finding.subjects[index].label == "field" {
            finding.subjects[index].value = "\(outer).\(finding.subjects[index].value)"
        }
        return finding
    }
}
