// The error of each weight's output on real inputs: what a pass shows of its inputs is multiplied with the weight
// and with what quantising takes away from it.
//
// Legend: x inputs [T, K], W the weight [N, K], Ŵ its codes decoded.

import Architectures
import Backends
import Diagnostics
import ReferenceModel

/// A weight of a layer; the experts of a layer taken together.
package struct ModuleRole: Hashable, Sendable {
    package let role: TensorRole
    package let layer: Int

    package init(role: TensorRole, layer: Int) {
        self.role = role
        self.layer = layer
    }
}

/// Sums of squares of outputs and of their errors.
package struct OutputError: Equatable, Sendable {
    /// Σ ‖x(Ŵ − W)ᵀ‖².
    package internal(set) var squaredError = 0.0
    /// Σ ‖xWᵀ‖².
    package internal(set) var squaredOutput = 0.0

    /// ‖x(Ŵ − W)ᵀ‖ / ‖xWᵀ‖; 0 where nothing came out.
    package var relative: Double {
        squaredOutput > 0 ? (squaredError / squaredOutput).squareRoot() : 0
    }
}

/// Adds up output errors during a pass.
///
/// Costs two products for each one of the pass. Ŵ − W is taken before it is multiplied: nothing cancels.
///
/// - Checked by: SensitivityTests, against whole products.
package final class OutputErrorTaps: Taps {
    private let weights: any WeightSource
    private let request: QuantisationRequest
    private let moments: (any InputMoments)?
    private let backend: any Backend
    package private(set) var errors: [ModuleRole: OutputError] = [:]
    /// What went wrong while a pass showed its inputs; the first.
    package private(set) var failure: Failure?

    /// - Parameter backend: of F32 numerics.
    package init(
        _ weights: any WeightSource, _ request: QuantisationRequest, moments: (any InputMoments)? = nil,
        backend: any Backend
    ) {
        self.weights = weights
        self.request = request
        self.moments = moments
        self.backend = backend
    }

    package func input(_ x: Matrix, of key: WeightKey, tokens: [Int]) {
        guard failure == nil else { return }
        // Gate and up have the same input, shown once.
        let keys = key.role.isGate ? [key, key.upInstead] : [key]
        for key in keys where request.quantises(key.role, layer: key.layer) {
            do throws(Failure) { try add(x, key) } catch { failure = error }
        }
    }

    private func add(_ x: Matrix, _ key: WeightKey) throws(Failure) {
        guard let layer = key.layer else { return }
        let weight = try weights.weight(key)
        let codes = try request.encodeRule(key.role, columns: weight.columns).encoded(
            weight, of: key, moments: moments)
        let (plain, decoded) = (weight.decoded, codes.decoded)
        let difference = [Float](unsafeUninitializedCapacity: plain.count) { target, count in
            for index in plain.indices { target[index] = decoded[index] - plain[index] }
            count = plain.count
        }
        let bytes = difference.withUnsafeBytes(Array.init)
        let lost = WeightMatrix(format: .f32, rows: weight.rows, columns: weight.columns, bytes: bytes)
        var error = errors[ModuleRole(role: key.role, layer: layer)] ?? OutputError()
        error.squaredError += Self.squares(backend.product(x, lost))
        error.squaredOutput += Self.squares(backend.product(x, weight))
        errors[ModuleRole(role: key.role, layer: layer)] = error
    }

    private static func squares(_ matrix: Matrix) -> Double {
        matrix.values.reduce(0) { $0 + Double($1) * Double($1) }
    }
}

extension TensorRole {
    fileprivate var isGate: Bool {
        [.expert(.gate), .sharedExpert(.gate), .denseMLP(.gate)].contains(self)
    }
}

extension WeightKey {
    /// The up projection beside a gate.
    fileprivate var upInstead: WeightKey {
        switch role {
        case .expert: WeightKey(.expert(.up), layer: layer, expert: expert)
        case .sharedExpert: WeightKey(.sharedExpert(.up), layer: layer)
        default: WeightKey(.denseMLP(.up), layer: layer)
        }
    }
}
