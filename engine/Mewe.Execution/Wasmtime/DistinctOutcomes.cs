using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Mewe.Execution.Wasmtime;

/// <summary>The outcomes of many runs, each kept once. Equal means equal in everything that a run shows.</summary>
internal sealed class DistinctOutcomes
{
    private readonly Dictionary<UInt128, int> known = [];
    private readonly ImmutableArray<RunOutcome>.Builder distinct = ImmutableArray.CreateBuilder<RunOutcome>();
    private readonly ImmutableArray<int>.Builder ofSeed = ImmutableArray.CreateBuilder<int>();

    public void Add(RunOutcome outcome)
    {
        var key = KeyOf(outcome);
        if (!known.TryGetValue(key, out var index))
        {
            index = distinct.Count;
            known.Add(key, index);
            distinct.Add(outcome);
        }

        ofSeed.Add(index);
    }

    public RunResult ToResult() => new() { Distinct = distinct.ToImmutable(), OutcomeOfSeed = ofSeed.ToImmutable() };

    /// <summary>A digest of everything that a run showed: equal for equal outcomes.</summary>
    public static UInt128 KeyOf(RunOutcome outcome)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Number(outcome.ExitCode is { } code ? (uint)code : -1);
        Trap(outcome.Trap);
        Bytes(outcome.Stdout);
        Bytes(outcome.Stderr);
        Number(outcome.Answers.Length);
        foreach (var answer in outcome.Answers)
        {
            switch (answer)
            {
                case RunAnswer.Bytes bytes:
                    Number(0);
                    Bytes(bytes.Data);
                    break;
                case RunAnswer.Refused:
                    Number(1);
                    break;
                case RunAnswer.Values values:
                    Number(2);
                    Number(values.Results.Length);
                    foreach (var value in values.Results)
                    {
                        Number((byte)value.Kind);
                        Number((long)value.Low);
                        Number((long)value.High);
                    }

                    break;
                case RunAnswer.Trapped trapped:
                    Number(3);
                    Trap(trapped.Trap);
                    break;
            }
        }

        foreach (var bytes in outcome.ReadBack)
        {
            Bytes(bytes);
        }

        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash.GetHashAndReset());

        void Number(long number)
        {
            Span<byte> bytes = stackalloc byte[sizeof(long)];
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
            hash.AppendData(bytes);
        }

        void Bytes(ReadOnlyMemory<byte> bytes)
        {
            Number(bytes.Length);
            hash.AppendData(bytes.Span);
        }

        void Trap(WasmTrap? trap)
        {
            Number(trap is null ? -1 : (int)trap.Kind);
            if (trap is not null)
            {
                Bytes(Encoding.UTF8.GetBytes(trap.Message));
            }
        }
    }
}
