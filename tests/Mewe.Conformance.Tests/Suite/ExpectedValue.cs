using System.Collections.Immutable;
using Mewe.Execution;

namespace Mewe.Conformance.Tests.Suite;

/// <summary>A pattern for one result.</summary>
public abstract record ExpectedValue
{
    private ExpectedValue()
    {
    }

    public abstract bool Matches(WasmValue actual);

    /// <summary>These bits.</summary>
    public sealed record Exactly(WasmValue Value) : ExpectedValue
    {
        public override bool Matches(WasmValue actual) => actual == Value;

        public override string ToString() => Value.ToString();
    }

    /// <summary>Any value of one of these kinds.</summary>
    public sealed record OfKind(ImmutableArray<WasmValueKind> Kinds) : ExpectedValue
    {
        public override bool Matches(WasmValue actual) => Kinds.Contains(actual.Kind);

        public override string ToString() => string.Join('|', Kinds);
    }

    /// <summary>A not-a-number.</summary>
    public sealed record NotANumber(WasmValueKind Kind, bool Canonical) : ExpectedValue
    {
        public override bool Matches(WasmValue actual) => actual.Kind == Kind
            && IsNan(actual.Low, Kind == WasmValueKind.F32 ? 4 : 8, Canonical ? NanKind.Canonical : NanKind.Arithmetic);

        public override string ToString() => $"{Kind}:nan";
    }

    /// <summary>A vector, lane by lane.</summary>
    public sealed record Vector(int LaneBytes, ImmutableArray<ExpectedLane> Lanes) : ExpectedValue
    {
        public override bool Matches(WasmValue actual)
        {
            if (actual.Kind != WasmValueKind.V128)
            {
                return false;
            }

            var rest = new UInt128(actual.High, actual.Low);
            var mask = LaneBytes == 8 ? ulong.MaxValue : (1UL << (8 * LaneBytes)) - 1;
            foreach (var lane in Lanes)
            {
                var bits = (ulong)rest & mask;
                if (lane.Nan == NanKind.None ? bits != lane.Bits : !IsNan(bits, LaneBytes, lane.Nan))
                {
                    return false;
                }

                rest >>= 8 * LaneBytes;
            }

            return true;
        }

        public override string ToString() => $"v128:[{string.Join(' ', Lanes.Select(lane => lane.Nan == NanKind.None ? $"{lane.Bits:x}" : lane.Nan.ToString()))}]";
    }

    /// <summary>Any of these.</summary>
    public sealed record Either(ImmutableArray<ExpectedValue> Values) : ExpectedValue
    {
        public override bool Matches(WasmValue actual) => Values.Any(value => value.Matches(actual));

        public override string ToString() => string.Join(" or ", Values);
    }

    private static bool IsNan(ulong bits, int bytes, NanKind kind)
    {
        var quiet = bytes == 4 ? 0x7FC0_0000UL : 0x7FF8_0000_0000_0000UL;
        var sign = bytes == 4 ? 0x8000_0000UL : 0x8000_0000_0000_0000UL;
        return kind == NanKind.Canonical ? (bits & ~sign) == quiet : (bits & quiet) == quiet;
    }
}
