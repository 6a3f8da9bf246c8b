// The card of a release: front matter for both hubs, and the template of each language filled in.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// Builds README.md and the charts beside it.
struct CardBuilder {
    let plan: ReleasePlan
    private let errors: RoleErrors?

    init(_ plan: ReleasePlan) {
        self.plan = plan
        errors = plan.record.map { RoleErrors($0, plan.inventory) }
    }

    private var request: ReleaseRequest { plan.request }

    // MARK: Front matter

    /// Keys of both hubs in one block: each reads its own and leaves the others alone.
    var frontMatter: JSONObject {
        var values = JSONObject()
        values["license"] = .string(plan.licence)
        values["license_name"] = request.licenceName.map(JSONValue.string)
        values["license_link"] = request.licenceLink.map(JSONValue.string)
        values["language"] = .array(request.modelLanguages.map(JSONValue.string))
        values["base_model"] = [.string(request.baseModel)]
        if plan.isQuantised { values["base_model_relation"] = "quantized" }
        values["library_name"] = "transformers"
        values["pipeline_tag"] = "text-generation"
        var tags: [String] = []
        for tag in request.tags + ["bailing_moe_v2", "moe"] + schemeTags
            + (request.isMedical ? ["medical"] : [])
        where !tags.contains(tag) { tags.append(tag) }
        values["tags"] = .array(tags.map(JSONValue.string))
        if request.hubs.contains(.modelScope) {
            values["tasks"] = ["text-generation"]
            values["frameworks"] = ["pytorch"]
        }
        return values
    }

    private var schemeTags: [String] {
        guard let layout = plan.configuration.quantisation.fp8 else { return [] }
        return ["fp8", layout.container == .compressedTensors ? "compressed-tensors" : "block-fp8"]
    }

    // MARK: Charts

    func charts(_ language: CardLanguage) -> [CardCharts.File] {
        [
            errors.flatMap { CardCharts.errors($0, language) },
            plan.parity.flatMap { CardCharts.layers($0, language) },
            plan.topology.flatMap { CardCharts.memory($0, language) },
        ].compactMap { $0 }
    }

    // MARK: Text

    /// The whole README.md.
    func text() throws(Failure) -> String {
        var parts: [String] = []
        for language in request.languages {
            guard let template = plan.templates[language] else { continue }
            var text = try template.render(values(language))
            while text.contains("\n\n\n") { text = text.replacing("\n\n\n", with: "\n\n") }
            parts.append(text)
        }
        if parts.count == 2 {
            // Each language links to the other, since both stand on one page.
            parts[0] = "[中文说明](#chinese)\n\n" + parts[0]
            parts[1] = "<a id=\"chinese\"></a>\n\n" + parts[1]
        }
        return FrontMatter.render(frontMatter, body: "\n" + parts.joined(separator: "\n---\n\n"))
    }

    private func values(_ language: CardLanguage) -> [String: String] {
        let charts = charts(language)
        func chart(_ name: String) -> String {
            charts.first { $0.path.contains(name) }.map { "![\($0.title)](\($0.path))" } ?? ""
        }
        let serve = ServeSection(
            targets: plan.targets, scheme: plan.scheme, configuration: plan.configuration,
            model: request.name,
            topology: plan.topology)
        let words = CardSentences(plan: plan, language: language)
        let count = plan.reshard.shards.count
        return [
            "title": request.title ?? lastComponent(request.name), "notice": request.isMedical ? "yes" : "",
            "summary": words.summary, "base_model": request.baseModel, "base_link": words.baseLink,
            "parameters": grouped(plan.judged.judgement.found.parameterCount),
            "layout": plan.layoutTitle, "size": byteCount(plan.reshard.bytes),
            "shards": language.choose(
                "\(grouped(count)) shard\(count == 1 ? "" : "s")", "\(grouped(count)) 个分片"),
            "context": grouped(plan.configuration.contextLength), "licence": plan.licence,
            "recipe": words.recipe, "recipe_table": errors?.table(language) ?? "",
            "errors_chart": chart("error-by-role"), "parity": plan.parity?.sentence(language) ?? "",
            "parity_table": plan.parity?.table(language) ?? "", "layers_chart": chart("difference-by-layer"),
            "serve": serve.commands(language), "defects": serve.defects(language), "topology": words.topology,
            "topology_table": plan.topology?.table(language) ?? "",
            "memory_chart": chart("memory-by-topology"),
            "draft": words.draft, "draft_table": plan.draft?.table(language) ?? "", "use": words.use,
            "limits": words.limits, "provenance": words.provenance, "licence_text": words.licence,
        ]
    }
}

extension ReleasePlan {
    var isQuantised: Bool { configuration.quantisation.fp8 != nil }
}
