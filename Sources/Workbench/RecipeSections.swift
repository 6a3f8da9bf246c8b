// The sections of a recipe, in the order of the chain.

extension RecipeSection {
    /// Every section.
    package static let all: [RecipeSection] = [
        validate, calibrate, quantise, draft, train, measure, audit, attach, verify, shard, publish,
    ]

    private static let validate = RecipeSection(
        path: "validate", stages: [.validate, .validateArtefact],
        summary: "Judging the source and the artefact; done without this section too.",
        keys: [RecipeKey("deep", .flag, "Read all data, not only headers and scales; true when absent.")])

    private static let calibrate = RecipeSection(
        path: "calibrate", stages: [.calibrate],
        summary: "Texts through the source, and what its weights meet.",
        keys: [
            RecipeKey("data", .path, "JSONL rows of conversations, text or tokens.", isRequired: true),
            RecipeKey("observe", .text, "What to record, with commas between."),
            RecipeKey("scheme", .profiles, "Record what these schemes can use, and nothing else."),
            RecipeKey("all_experts", .flag, "Show every expert every token, for the statistics only."),
            RecipeKey("prediction", .flag, "Run the multi-token prediction layer too."),
            RecipeKey("least", .integer, "Tokens that every expert should have met."),
        ] + passes)

    private static let quantise = RecipeSection(
        path: "quantise", stages: [.quantise],
        summary: "The artefact; without this section the source is the artefact.",
        keys: [
            RecipeKey("scheme", .profile, "What is quantised how."),
            RecipeKey("keep", .list, "Roles to leave as they are."),
            RecipeKey("clip", .text, "Search each scale: mse, second-moment."),
            RecipeKey("kv_scales", .flag, "Store scales of keys and values, from the calibration."),
            RecipeKey("keep_budget", .text, "Keep the most damaging modules within so many more bytes."),
            RecipeKey("sensitivity", .path, "What modules damage: the file of `ingot sensitivity`."),
        ])

    private static let draft = RecipeSection(
        path: "draft", stages: [],
        summary: "A draft head: the one at `head`, or a new one by `train`.",
        keys: [
            RecipeKey("head", .path, "The folder of a head that there is already."),
            RecipeKey(
                "layers", .text, "How its layer ids count: after, entering.",
                only: [.draftAudit, .draftMeasure, .draftAttach]),
        ])

    private static let train = RecipeSection(
        path: "draft.train", stages: [.draftTrain], summary: "Training a head on the source.",
        keys: [
            RecipeKey("data", .path, "JSONL rows of conversations, text or tokens.", isRequired: true),
            RecipeKey("held_out", .path, "The same, to evaluate on."),
            RecipeKey("features", .path, "Hidden states of the same data, from `ingot draft features`."),
            RecipeKey("profile", .profile, "How it is trained."),
            RecipeKey("steps", .integer, "Optimiser steps."),
            RecipeKey("epochs", .integer, "Rounds through the data, in place of steps."),
            RecipeKey("batch", .integer, "Texts of one step."),
            RecipeKey("accumulation", .integer, "Passes that a step's texts are cut into."),
            RecipeKey("shards", .integer, "Parts of a step whose gradients are summed in a fixed order."),
            RecipeKey("length", .integer, "Tokens of a text; the rest is cut off."),
            RecipeKey("crop", .integer, "Learn every token of random pieces of so many tokens."),
            RecipeKey("rate", .number, "The learning rate at its peak."),
            RecipeKey("seed", .integer, "The seed of weights and order."),
            RecipeKey("evaluate_every", .integer, "Steps from one evaluation to the next."),
            RecipeKey("patience", .integer, "Evaluations that are no better before the training ends."),
        ] + passes)

    private static let measure = RecipeSection(
        path: "draft.measure", stages: [.draftMeasure],
        summary: "The acceptance length of head and artefact.",
        keys: [
            RecipeKey("data", .path, "Prompts, as JSONL rows.", isRequired: true),
            RecipeKey("rows", .integer, "Rows of the data to use, the first ones."),
            RecipeKey("steps", .integer, "Tokens drafted one after another."),
            RecipeKey("tokens", .integer, "New tokens at most."),
            RecipeKey("tree_width", .integer, "Draft a tree: so many branches at each step."),
            RecipeKey("tree_tokens", .integer, "The likeliest tokens of the tree that are checked."),
            RecipeKey("temperature", .number, "0 takes the most likely token each time."),
            RecipeKey("seed", .integer, "The same seed gives the same answers."),
            RecipeKey("skip_plain", .flag, "Leave the comparison with plain decoding out."),
            RecipeKey("at_least", .number, "The gate: a shorter acceptance length ends the chain."),
        ] + passes)

    private static let audit = RecipeSection(
        path: "draft.audit", stages: [.draftAudit],
        summary: "Whether head and artefact belong together; done without this section too.",
        keys: [
            RecipeKey("data", .path, "JSONL rows to guess on."),
            RecipeKey("tokens", .integer, "Tokens of the data to read."),
            RecipeKey("headers", .flag, "Do not look at the weights."),
        ])

    private static let attach = RecipeSection(
        path: "draft.attach", stages: [.draftAttach],
        summary: "The head as the target's engine reads it.",
        keys: [
            RecipeKey("steps", .integer, "Tokens drafted at a time."),
            RecipeKey("patched", .flag, "The engine was given the interface that its release lacks."),
        ])

    private static let verify = RecipeSection(
        path: "verify", stages: [.verify], summary: "The artefact against the source.",
        keys: [
            RecipeKey("data", .path, "Texts to run both sides over."),
            RecipeKey("tokens", .integer, "Tokens to run over, at most."),
            RecipeKey("multiple_choice", .path, "Multiple-choice items."),
            RecipeKey("items", .integer, "Multiple-choice items to score, at most."),
            RecipeKey("tolerance", .profile, "The limits."),
            RecipeKey("checks", .text, "What to look at, with commas between."),
            RecipeKey("left_numerics", .text, "Whose roundings the source has."),
        ] + passes)

    private static let shard = RecipeSection(
        path: "shard", stages: [.shardPlan, .shard],
        summary: "Whether the topology is legal and fits, and the artefact laid out for it.",
        keys: [
            RecipeKey("topology", .text, "The topology, such as tp4-dp2-ep8.", isRequired: true),
            RecipeKey("form", .text, "hf, ranks, vllm-sharded-state@0.32, deepseek-mp.", only: [.shard]),
            RecipeKey("file_size", .text, "Cut the files of hf to about this size.", only: [.shard]),
            RecipeKey("context", .integer, "Tokens of a sequence.", only: [.shardPlan]),
            RecipeKey("cache", .text, "Element type of the key/value cache: bf16, fp8.", only: [.shardPlan]),
            RecipeKey("utilisation", .number, "The share of memory the engine takes.", only: [.shardPlan]),
            RecipeKey("placement", .text, "Where experts live: linear, round-robin, balanced."),
            RecipeKey("all_to_all", .text, "How tokens travel between expert ranks: standard, deepep."),
        ])

    private static let publish = RecipeSection(
        path: "publish", stages: [.publishPrepare], summary: "The release folder, and its check.",
        keys: [
            RecipeKey("base_model", .text, "The base model on a hub: OWNER/NAME.", isRequired: true),
            RecipeKey("hub", .text, "huggingface, modelscope or both."),
            RecipeKey("base_revision", .text, "The commit of the base model."),
            RecipeKey("base", .path, "The base model, to compare with and to take missing files from."),
            RecipeKey("repository", .text, "Where it will stand on the hubs: OWNER/NAME."),
            RecipeKey("title", .text, "The heading of the card."),
            RecipeKey("license", .text, "The identifier of the licence."),
            RecipeKey("license_name", .text, "The name of a licence of its own."),
            RecipeKey("license_link", .text, "Where a licence of its own can be read."),
            RecipeKey("license_file", .path, "The text of the licence."),
            RecipeKey("language", .text, "The language of the card: en, zh or both."),
            RecipeKey("tag", .list, "Tags of the card."),
            RecipeKey("medical", .flag, "A medical model: the notice stands first."),
            RecipeKey("template", .path, "A template of the card, or a folder with en.md and zh.md."),
            RecipeKey("benchmark", .text, "The benchmark of the accuracy: OWNER/NAME:TASK."),
            RecipeKey("include", .list, "Other files of the artefact to carry along."),
            RecipeKey("shard_size", .text, "Data of one shard: 5GB, 500MB."),
            RecipeKey("sign", .path, "Sign with a private key of the curve P-256, PEM."),
            RecipeKey("bom", .flag, "Write a CycloneDX 1.6 bill of materials."),
        ])

    /// Keys of every stage that passes tokens through a model.
    private static let passes = [
        RecipeKey("backend", .text, "How to multiply: reference, openblas, fused."),
        RecipeKey("numerics", .text, "Whose roundings: the name of a profile."),
    ]
}
