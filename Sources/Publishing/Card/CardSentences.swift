// The sentences of a card in both languages; what they say follows from the plan, never from hope.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// Sentences about one release in one language.
struct CardSentences {
    let plan: ReleasePlan
    let language: CardLanguage

    private var request: ReleaseRequest { plan.request }
    private var record: QuantisationSummary? { plan.record }

    var baseLink: String {
        let name = request.baseModel
        let revision =
            request.baseRevision.map { language.choose(" at revision `\($0)`", "，版本 `\($0)`") } ?? ""
        return "[\(name)](https://huggingface.co/\(name))" + revision
    }

    var summary: String {
        let name = request.baseModel
        guard plan.isQuantised else {
            return language.choose(
                "\(name), re-packed in shards with a checked index. The weights are unchanged.",
                "\(name) 的重新分片版本，索引经过校验，权重未作修改。")
        }
        return language.choose(
            "\(name) with its matrices quantised to \(plan.layoutTitle). Router, norms, embeddings and the output "
                + "head stay as they are. Tokenizer, chat template and remote code are the base model's, byte for byte.",
            "\(name) 的量化版本：矩阵量化为 \(plan.layoutTitle)；路由器、归一化、词嵌入与输出头保持原样。"
                + "分词器、对话模板与自定义代码与基座模型逐字节一致。")
    }

    /// Empty for weights that no record speaks of.
    var recipe: String {
        guard plan.isQuantised else { return "" }
        guard let record else {
            return language.choose(
                "Stored as \(plan.layoutTitle). No record of the quantisation came with the weights.",
                "存储格式为 \(plan.layoutTitle)。权重未附带量化记录。")
        }
        var lines = [
            language.choose(
                "Scheme `\(record.scheme ?? "?")` of \(record.tool): \(plan.layoutTitle), "
                    + "activations scaled as they come.",
                "由 \(record.tool) 以方案 `\(record.scheme ?? "?")` 量化：\(plan.layoutTitle)，激活动态量化。")
        ]
        if let kind = plan.judged.audit?.kind {
            lines.append(
                language.choose("Scales are \(kindName(kind)).", "缩放因子为\(kindName(kind))。"))
        }
        if let search = record.search {
            lines.append(language.choose("Scales were searched: \(search).", "缩放因子经搜索确定：\(search)。"))
        }
        if let target = record.target {
            lines.append(language.choose("Made for `\(target)`.", "目标平台：`\(target)`。"))
        }
        lines += record.adaptations.map { language.choose("Adapted: \($0).", "适配：\($0)。") }
        if let error = record.sum("relative_rms"), let decibels = record.sum("sqnr_db") {
            lines.append(
                language.choose(
                    "Over all quantised weights the relative RMS error is \(percent(error, 2)) "
                        + "(\(decimals(decibels, 1)) dB). Every tensor's error is in `quantisation.json`.",
                    "全部量化权重的相对均方根误差为 \(percent(error, 2))（\(decimals(decibels, 1)) dB），"
                        + "逐张量误差见 `quantisation.json`。"))
        }
        return lines.joined(separator: language.choose(" ", ""))
    }

    private func kindName(_ kind: ScaleKind) -> String {
        switch kind {
        case .powersOfTwo: language.choose("powers of two", "2 的幂")
        case .plain: language.choose("plain numbers, not powers of two", "普通浮点数（非 2 的幂）")
        case .mixed:
            language.choose("powers of two in some roles and plain numbers in others", "部分模块为 2 的幂，其余为普通浮点数")
        }
    }

    var topology: String {
        guard let topology = plan.topology else { return "" }
        let best =
            topology.best.map { language.choose(" Best for this target: `\($0)`.", "该平台的最佳方案：`\($0)`。") }
            ?? ""
        return language.choose(
            "Worked out tensor by tensor for `\(topology.target)` by `ingot shard plan`.",
            "由 `ingot shard plan` 针对 `\(topology.target)` 逐张量计算。") + best
    }

    var draft: String {
        guard let draft = plan.draft else { return "" }
        let half = draft.acceptanceLength.halfWidth.map { " ± " + decimals($0, 2) } ?? ""
        let length = decimals(draft.acceptanceLength.mean, 2) + half
        let on = draft.measuredOn.map { language.choose(" on \($0)", "（\($0)）") } ?? ""
        return language.choose(
            "EAGLE3 head `\(draft.head)`: measured acceptance length \(length) tokens for "
                + "each step of this model\(on), the model's own token counted.",
            "EAGLE3 草稿头 `\(draft.head)`：实测平均接受长度 \(length) 词元/步\(on)，含模型自身词元。")
    }

    var use: String {
        request.isMedical
            ? language.choose(
                "Research on medical language models, and support of qualified professionals who check what it says: "
                    + "looking things up, drafting, teaching, evaluation. Intended for the same uses as its base model.",
                "用于医疗语言模型研究，以及在具备资质的专业人员审核下的辅助工作：检索、起草、教学与评测。适用范围与基座模型相同。")
            : language.choose(
                "The same uses as its base model: text generation and dialogue, research and evaluation.",
                "预期用途与基座模型相同：文本生成与对话、研究与评测。")
    }

    var limits: String {
        var lines = [
            language.choose(
                "- It has every limitation of its base model, and may be wrong with confidence.",
                "- 具有基座模型的全部局限，可能自信地给出错误回答。")
        ]
        if plan.isQuantised {
            lines.append(
                language.choose(
                    "- Quantisation changes answers a little; what was measured stands above, what was not is not known.",
                    "- 量化会轻微改变输出；已测内容见上，未测内容未知。"))
        }
        if request.isMedical {
            lines.append(
                language.choose(
                    "- Not for diagnosis or treatment without a doctor, not for emergencies, not a medical device.",
                    "- 不得在没有医生参与的情况下用于诊断或治疗，不适用于急救，不是医疗器械。"))
        }
        return lines.joined(separator: "\n")
    }

    var provenance: String {
        var lines = [
            language.choose(
                "- `SHA256SUMS` lists every file: `sha256sum -c SHA256SUMS`.",
                "- `SHA256SUMS` 列出全部文件：`sha256sum -c SHA256SUMS`。"),
            language.choose(
                "- `release.json` names the base model and the digests of its files.",
                "- `release.json` 记录基座模型及其文件摘要。"),
        ]
        if record != nil {
            lines.append(
                language.choose(
                    "- `quantisation.json` chains every tensor to the base: its digest before and after, and its error.",
                    "- `quantisation.json` 将每个张量与基座关联：量化前后摘要与误差。"))
        }
        if plan.key != nil {
            lines.append(
                language.choose(
                    "- `model.sig` is an OpenSSF Model Signing signature: "
                        + "`model_signing verify key . --signature model.sig --public_key KEY.pub --ignore_unsigned_files`.",
                    "- `model.sig` 为 OpenSSF Model Signing 签名："
                        + "`model_signing verify key . --signature model.sig --public_key KEY.pub --ignore_unsigned_files`。"
                ))
        }
        if request.writesBOM {
            lines.append(
                language.choose(
                    "- `bom.cdx.json` is a CycloneDX 1.6 bill of materials.",
                    "- `bom.cdx.json` 为 CycloneDX 1.6 物料清单。"))
        }
        return lines.joined(separator: "\n")
    }

    var licence: String {
        language.choose(
            "`\(plan.licence)`, the licence of \(request.baseModel); the text is in the folder.",
            "`\(plan.licence)`，与 \(request.baseModel) 相同；许可证全文见本仓库。")
    }
}
