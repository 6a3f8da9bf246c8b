// What the batches of a run add up to.

import Backends

/// Differences of activations, routes and outputs, over all batches of a run.
package struct Differences: Sendable {
    /// By kind and layer; see `layers`.
    private var byLayer: [LayerKey: LayerDifference] = [:]
    private var byRoute: [Int: RouteDifference] = [:]
    /// Errors of the experts' output by expert that the token chose.
    private var byExpert: [Int: [ExpertErrors]] = [:]
    /// Layers whose state fits another number better than their own.
    package private(set) var shifts: [Shift] = []
    package var outputs = OutputDifferences()
    /// Of the prediction layer.
    package var prediction = OutputDifferences()
    /// Tokens whose numbers were not judged, because a tie came before.
    package var excused = 0
    package var tokens = 0
    package var texts = 0

    /// Mean relative error from which a layer is tried under another number.
    static let shiftFloor = 1e-3

    package struct LayerKey: Hashable, Sendable {
        let kind: ActivationKind
        let layer: Int?
    }

    /// How the state after a layer compares with the neighbours' of the other side.
    package struct Shift: Equatable, Sendable {
        package let layer: Int
        /// Mean relative error of the right side's state to the left side's one layer before.
        package let later: Double
        /// Of the right side's state one layer before to the left side's.
        package let earlier: Double
        package let own: Double
    }

    /// Mean error of the tokens that chose an expert.
    package struct ExpertErrors: Equatable, Sendable {
        package var sum = 0.0
        package var count = 0
        package var mean: Double { count == 0 ? 0 : sum / Double(count) }
    }

    package init() {}

    // MARK: Adding

    mutating func add(
        _ kind: ActivationKind, _ layer: Int?, _ errors: [Double], _ places: [TokenPlace], _ excused: [Bool]
    ) {
        let key = LayerKey(kind: kind, layer: layer)
        var difference = byLayer[key] ?? LayerDifference(kind: kind, layer: layer)
        // A tie excuses other numbers, not none.
        for token in errors.indices where !excused[token] || !errors[token].isFinite {
            difference.add(errors[token], at: places[token])
        }
        byLayer[key] = difference
    }

    mutating func addRoute(
        _ layer: Int, expertCount: Int, _ left: Routes, _ right: Routes, token: Int, at place: TokenPlace,
        tieMargin: Float, isCounted: Bool
    ) -> Bool {
        byRoute[layer, default: RouteDifference(layer: layer, expertCount: expertCount)].add(
            left, right, token: token, at: place, tieMargin: tieMargin, isCounted: isCounted)
    }

    mutating func addExperts(_ layer: Int, _ routes: Routes, _ errors: [Double], _ excused: [Bool]) {
        var all =
            byExpert[layer] ?? Array(repeating: ExpertErrors(), count: routes.logits.columns)
        for token in errors.indices where !excused[token] && errors[token].isFinite {
            for expert in routes.experts(ofToken: token) where expert < all.count {
                all[expert].sum += errors[token]
                all[expert].count += 1
            }
        }
        byExpert[layer] = all
    }

    mutating func addShift(_ layer: Int, later: Double, earlier: Double, own: Double) {
        shifts.append(Shift(layer: layer, later: later, earlier: earlier, own: own))
    }

    // MARK: Looking

    /// Whether nothing was compared.
    var isEmpty: Bool {
        byLayer.isEmpty && byRoute.isEmpty && outputs.count == 0 && outputs.notFinite == 0
    }

    /// Activations in the order of the model.
    package var layers: [LayerDifference] {
        byLayer.values.sorted { Self.order($0) < Self.order($1) }
    }

    private static func order(_ difference: LayerDifference) -> Int {
        let kinds: [ActivationKind] = [.attention, .mlp, .residual]
        switch difference.kind {
        case .embedding: return -1
        case .finalHidden: return .max
        default: return (difference.layer ?? 0) * 4 + (kinds.firstIndex(of: difference.kind) ?? 0)
        }
    }

    package func layer(_ kind: ActivationKind, _ layer: Int?) -> LayerDifference? {
        byLayer[LayerKey(kind: kind, layer: layer)]
    }

    /// Routes by layer.
    package var routes: [RouteDifference] { byRoute.values.sorted { $0.layer < $1.layer } }

    /// Part of all choices, of all layers, that both sides made; nil without routes.
    package var routeAgreement: Double? {
        let routes = routes
        let choices = routes.reduce(0) { $0 + $1.choices }
        return choices == 0 ? nil : Double(routes.reduce(0) { $0 + $1.equal }) / Double(choices)
    }

    /// The expert whose tokens differ most at a layer, when they differ several times as much as the others'.
    package func suspectExpert(layer: Int) -> (expert: Int, mean: Double, others: Double)? {
        guard let all = byExpert[layer] else { return nil }
        let used = all.indices.filter { all[$0].count > 0 }
        guard used.count > 1, let worst = used.max(by: { all[$0].mean < all[$1].mean }) else { return nil }
        // Tokens of the suspect spoil the means of the experts they also chose: the least spoilt one counts.
        let others = used.filter { $0 != worst }.map { all[$0].mean }.sorted()
        let typical = others[others.count / 2]
        guard all[worst].mean > 2 * typical else { return nil }
        return (worst, all[worst].mean, typical)
    }

    /// +1 when the right side's layers are the left side's of one number less, −1 of one more; nil when not.
    package var layerShift: Int? {
        guard !shifts.isEmpty else { return nil }
        func fits(_ error: (Shift) -> Double) -> Bool {
            shifts.allSatisfy { error($0) < 0.1 * $0.own }
        }
        if fits(\.later) { return 1 }
        // The last layer has no later one to be compared with.
        return fits(\.earlier) ? -1 : nil
    }
}
