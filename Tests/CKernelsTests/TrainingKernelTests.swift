// Every level of the training kernels gives the bits of the plain one, and those are near the exact numbers.

import CKernels
import Foundation
import TestSupport
import Testing

struct TrainingKernelTests {
    private static let levels = [INGOT_SIMD_NEON, INGOT_SIMD_AVX2, INGOT_SIMD_AVX512].filter {
        ingot_simd_available($0) == 1
    }

    private func numbers(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in random.normal() * scale }
    }

    @Test(arguments: [1, 15, 16, 37, 1024]) func softmaxIsExact(_ count: Int) {
        let x = numbers(count, seed: 3, scale: 5)
        var plain = x
        let sum = ingot_softmax(&plain, count, INGOT_SIMD_PLAIN)
        let top = x.map(Double.init).max() ?? 0
        let exact = top + log(x.reduce(0.0) { $0 + exp(Double($1) - top) })
        #expect(abs(Double(sum) - exact) < 1e-6 * max(1, abs(exact)))
        for (found, value) in zip(plain, x) {
            let wanted = exp(Double(value) - exact)
            // The difference to the largest, up to 35, is rounded before its exponential is taken.
            #expect(abs(Double(found) - wanted) <= 5e-6 * wanted + 1e-30)
        }
        var choice: Int32 = -1
        #expect(abs(ingot_log_sum_exp(x, count, &choice, INGOT_SIMD_PLAIN) - sum) <= 1e-6 * abs(sum))
        #expect(Int(choice) == x.firstIndex(of: x.max() ?? 0))
        for level in Self.levels {
            var other = x
            #expect(ingot_softmax(&other, count, level) == sum)
            #expect(other == plain)
        }
    }

    @Test(arguments: [1, 15, 16, 37, 1024]) func crossEntropyIsExact(_ count: Int) {
        let logits = numbers(count, seed: 5, scale: 3)
        var teacher = numbers(count, seed: 6, scale: 3)
        ingot_softmax(&teacher, count, INGOT_SIMD_PLAIN)
        var plain = logits
        let found = ingot_soft_cross_entropy(&plain, teacher, count, 0.9, 0.25, INGOT_SIMD_PLAIN)
        let sum = log(logits.reduce(0.0) { $0 + exp(Double($1)) })
        let loss = zip(teacher, logits).reduce(0.0) { $0 + Double($1.0) * (sum - Double($1.1)) }
        let overlap = zip(teacher, logits).reduce(0.0) {
            $0 + min(0.9 * Double($1.0), exp(Double($1.1) - sum))
        }
        #expect(abs(Double(found.loss) - loss) < 2e-6 * max(1, loss))
        #expect(abs(Double(found.overlap) - overlap) < 2e-6)
        #expect(Int(found.choice) == logits.firstIndex(of: logits.max() ?? 0))
        for index in logits.indices {
            let wanted = 0.25 * (exp(Double(logits[index]) - sum) - Double(teacher[index]))
            #expect(abs(Double(plain[index]) - wanted) < 1e-7)
        }
        for level in Self.levels {
            var other = logits
            let again = ingot_soft_cross_entropy(&other, teacher, count, 0.9, 0.25, level)
            #expect(
                again.loss == found.loss && again.overlap == found.overlap && again.choice == found.choice)
            #expect(other == plain)
        }
    }

    /// Among equals the first, wherever they stand.
    @Test func theFirstOfEqualsIsChosen() {
        for places in [[40, 17], [3, 19], [16, 0], [33, 32]] {
            var x = [Float](repeating: -1, count: 50)
            for place in places { x[place] = 2 }
            for level in [INGOT_SIMD_PLAIN] + Self.levels {
                var choice: Int32 = -1
                _ = ingot_log_sum_exp(x, 50, &choice, level)
                #expect(Int(choice) == places.min())
            }
        }
    }

    @Test(arguments: [5, 16, 50]) func levelsAgree(_ width: Int) {
        let rows = 3
        func run(_ level: ingot_simd_level) -> [[Float]] {
            let (x, weight) = (numbers(rows * width, seed: 1), numbers(width, seed: 2))
            var (y, dx, dw) = ([Float](repeating: 0, count: rows * width), x, weight)
            x.withUnsafeBufferPointer { x in
                weight.withUnsafeBufferPointer { weight in
                    y.withUnsafeMutableBufferPointer { y in
                        dx.withUnsafeMutableBufferPointer { dx in
                            dw.withUnsafeMutableBufferPointer { dw in
                                var job = ingot_rms_job()
                                (job.x, job.weight, job.y) = (
                                    x.baseAddress, weight.baseAddress, y.baseAddress
                                )
                                (job.rows, job.width, job.epsilon) = (rows, width, 1e-5)
                                (job.x_gradient, job.weight_gradient) = (dx.baseAddress, dw.baseAddress)
                                ingot_rms_forward(&job, level)
                                ingot_rms_backward(&job, level)
                            }
                        }
                    }
                }
            }
            var pair = numbers(rows * 2 * width, seed: 4)
            var unit = [Float](repeating: 0, count: rows * width)
            ingot_gated_forward(pair, rows, width, &unit, level)
            ingot_gated_backward(&pair, rows, width, y, level)
            let square = Float(ingot_square_sum(pair, pair.count, level))
            ingot_add(&pair, pair.map { $0 * 0.5 }, pair.count, level)
            return [y, dx, dw, unit, pair, [square]]
        }
        let plain = run(INGOT_SIMD_PLAIN)
        for level in Self.levels { #expect(run(level) == plain) }
    }

    /// One step from zero means is a step of the rate against the gradient's sign.
    @Test func aFirstStepIsTheRate() {
        for level in [INGOT_SIMD_PLAIN] + Self.levels {
            var masters: [Float] = (0..<37).map { Float($0) }
            var (first, second) = ([Float](repeating: 0, count: 37), [Float](repeating: 0, count: 37))
            var rounded = first
            let gradients: [Float] = (0..<37).map { $0 % 2 == 0 ? 3 : -0.5 }
            masters.withUnsafeMutableBufferPointer { masters in
                first.withUnsafeMutableBufferPointer { first in
                    second.withUnsafeMutableBufferPointer { second in
                        rounded.withUnsafeMutableBufferPointer { rounded in
                            gradients.withUnsafeBufferPointer { gradients in
                                var job = ingot_adam_job()
                                job.count = 37
                                (job.masters, job.first) = (masters.baseAddress, first.baseAddress)
                                (job.second, job.rounded) = (second.baseAddress, rounded.baseAddress)
                                job.gradients = gradients.baseAddress
                                (job.gradient_factor, job.beta1, job.beta2) = (1, 0.9, 0.95)
                                (job.epsilon, job.rate, job.decay) = (1e-8, 0.25, 0)
                                (job.first_factor, job.second_factor) = (10, 20)
                                ingot_adam(&job, level)
                            }
                        }
                    }
                }
            }
            for index in 0..<37 {
                #expect(abs(masters[index] - (Float(index) - (index % 2 == 0 ? 0.25 : -0.25))) < 1e-5)
                #expect(abs(rounded[index] - masters[index]) <= abs(masters[index]) / 256)
            }
        }
    }
}
