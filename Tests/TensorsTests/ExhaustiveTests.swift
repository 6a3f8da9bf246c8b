// Every code of the small formats against its definition, and rounding against a search for the nearest.

import Foundation
import Tensors
import TestSupport
import Testing

struct ExhaustiveTests {
    /// (−1)^s · 2^(e − bias) · (1 + m / 2^M), and 2^(1 − bias) · m / 2^M where e is 0.
    private func value(_ code: Int, exponentBits: Int, mantissaBits: Int, bias: Int) -> Double {
        let mantissa = Double(code & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
        let exponent = code >> mantissaBits & (1 << exponentBits - 1)
        let sign = code >> (mantissaBits + exponentBits) == 0 ? 1.0 : -1
        return exponent == 0
            ? sign * mantissa * pow(2, Double(1 - bias))
            : sign * (1 + mantissa) * pow(2, Double(exponent - bias))
    }

    @Test func e4m3() {
        for code in 0...255 {
            let decoded = E4M3.decode(UInt8(code))
            if code & 0x7F == 0x7F {
                #expect(decoded.isNaN && E4M3.encode(decoded) == 0x7F)
            } else {
                #expect(E4M3.encode(decoded) == UInt8(code))
                #expect(Double(decoded) == value(code, exponentBits: 4, mantissaBits: 3, bias: 7))
                #expect(decoded.sign == (code < 0x80 ? .plus : .minus))
            }
        }
    }

    @Test func e5m2() {
        for code in 0...255 {
            let decoded = E5M2.decode(UInt8(code))
            switch code & 0x7F {
            case 0x7C: #expect(decoded == (code < 0x80 ? .infinity : -.infinity))
            case 0x7D...: #expect(decoded.isNaN)
            default: #expect(Double(decoded) == value(code, exponentBits: 5, mantissaBits: 2, bias: 15))
            }
        }
    }

    @Test func e8m0() {
        for code in 0...254 { #expect(Double(E8M0.decode(UInt8(code))) == pow(2, Double(code - 127))) }
        #expect(E8M0.decode(255).isNaN)
    }

    @Test func i4() {
        for byte in 0...255 {
            let (low, high) = I4.decode(UInt8(byte))
            #expect(Int(low) == (byte & 15 ^ 8) - 8)
            #expect(Int(high) == (byte >> 4 ^ 8) - 8)
        }
    }

    @Test func bf16AndF16() {
        for bits in 0...0xFFFF {
            let word = UInt16(bits)
            let bf16 = BF16.decode(word)
            #expect(bf16.isNaN || BF16.encode(bf16) == word)
            #expect(!bf16.isNaN || BF16.decode(BF16.encode(bf16)).isNaN)
            #expect(bf16.bitPattern == UInt32(bits) << 16)
            let f16 = F16.decode(word)
            let exponent = bits >> 10 & 0x1F
            if exponent == 0x1F {
                #expect(bits & 0x3FF == 0 ? f16.isInfinite : f16.isNaN)
                #expect(f16.isInfinite ? F16.encode(f16) == word : F16.decode(F16.encode(f16)).isNaN)
            } else {
                #expect(Double(f16) == value(bits, exponentBits: 5, mantissaBits: 10, bias: 15))
                #expect(F16.encode(f16) == word)
            }
        }
    }

    /// Nearest, ties to the even code: between every two neighbours the middle and its two neighbours.
    @Test func rounding() {
        func check(_ codes: [Int], _ decode: (Int) -> Float, _ encode: (Float) -> Int) {
            for (low, high) in zip(codes, codes.dropFirst()) {
                let (a, b) = (decode(low), decode(high))
                let middle = Float((Double(a) + Double(b)) / 2)
                for sign: Float in [1, -1] {
                    let flip = sign < 0 ? 1 << (codes.count > 256 ? 15 : 7) : 0
                    #expect(encode(sign * middle) == (low % 2 == 0 ? low : high) | flip)
                    #expect(encode(sign * middle.nextDown) == low | flip)
                    #expect(encode(sign * middle.nextUp) == high | flip)
                }
            }
        }
        check(Array(0...0x7E), { E4M3.decode(UInt8($0)) }, { Int(E4M3.encode($0)) })
        check(Array(0...0x7BFF), { F16.decode(UInt16($0)) }, { Int(F16.encode($0)) })
        check(Array(0x80...0x7F7F), { BF16.decode(UInt16($0)) }, { Int(BF16.encode($0)) })
    }

    @Test func theEnds() {
        for big: Float in [448, 449, 464, 1e30, .infinity] {
            #expect(E4M3.encode(big) == 0x7E && E4M3.encode(-big) == 0xFE)
        }
        #expect(E4M3.encode(.nan) == 0x7F && E4M3.encode(-.nan) == 0xFF)
        #expect(E4M3.encode(-0.0) == 0x80 && F16.encode(-0.0) == 0x8000 && BF16.encode(-0.0) == 0x8000)
        #expect(F16.encode(65_519.99) == 0x7BFF && F16.encode(65_520) == 0x7C00)
        #expect(BF16.encode(.greatestFiniteMagnitude) == 0x7F80)
    }

    @Test func shapes() {
        #expect(Shape([3, 5]).elementCount == 15)
        #expect(Shape([]).elementCount == 1)
        #expect(Shape([Int.max, 2]).elementCount == nil)
        #expect(Shape([3]).byteCount(.f4) == nil)
        #expect(Shape([4]).byteCount(.f4) == 2)
        #expect(Shape([1 << 61]).byteCount(.f32) == nil)
        #expect("\(Shape([1024, 4096]))" == "[1024, 4096]")
    }
}
