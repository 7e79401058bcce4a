using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Equivalence.Testing;

/// <summary>
/// Makes inputs for one function: argument tuples of several styles, contents of memory around pointers, and moods of calls out. A pure function of
/// (options' seed, function, number of the input, inputs it builds on).
/// </summary>
internal sealed class InputGenerator
{
    private const int MaximumFills = 4, MaximumPokes = 16;

    /// <summary>Fills, pokes and answers of an input at most.</summary>
    public const int MostExtras = MaximumFills + 2 * MaximumPokes;

    private readonly OriginalModule original;
    private readonly uint function;
    private readonly FunctionType type;
    private readonly TestOptions options;
    private readonly RecordedInputs recorded;
    private readonly ImmutableArray<ImmutableArray<ValueBits>> tuples;
    private readonly ImmutableArray<uint> mutableGlobals;
    private readonly ulong[] dictionary;
    private readonly bool[] addresses;
    private readonly ulong memoryBytes;
    private readonly ulong arena;

    public InputGenerator(OriginalModule original, uint function, FunctionCode code, TestOptions options, RecordedInputs recorded, Arena arena)
    {
        this.arena = arena.Address;
        (this.original, this.function, this.options, this.recorded) = (original, function, options, recorded);
        type = original.TypeOf(function);
        Supply = new FuelSupply(options.Fuel, IsLittle: false);
        tuples = recorded.Arguments.GetValueOrDefault(function, []);
        memoryBytes = original.Memories.Length > 0 ? original.Bytes(0) : 0;
        mutableGlobals = [.. UsedGlobals(code).Where(global => original.GlobalTypes[(int)global] is { Mutable: true, Value.IsReference: false })];
        dictionary = FunctionSetting.Constants(code);
        addresses = AddressParameters(code);
    }

    /// <summary>Fuel that inputs get from now on.</summary>
    public FuelSupply Supply { get; set; }

    /// <summary>Input <paramref name="number"/>, made up from nothing.</summary>
    public TestInput Make(int number)
    {
        var random = Stream(number);
        var seed = random.Next();
        var isRecorded = (!recorded.Memory.IsEmpty || tuples.Length > 0) && random.OneIn(2);
        var arguments = isRecorded && tuples.Length > 0 ? random.Pick(tuples) : Arguments(ref random);
        return new TestInput(
            number, seed, Mood(ref random), arena, Supply.Of(number), isRecorded && !recorded.Memory.IsEmpty, arguments,
            Globals(isRecorded, ref random), isRecorded && random.OneIn(2) ? [] : Fills(arguments, ref random), [], []);
    }

    /// <summary>Input <paramref name="number"/>, a variation of one that came far.</summary>
    /// <param name="covered">Outcomes that some input has reached: comparisons that lack one are what a variation aims at.</param>
    public TestInput Vary(int number, Parent parent, bool[] covered)
    {
        var random = Stream(number);
        var input = parent.Input with { Number = number, Fuel = Supply.Of(number) };
        if (parent.Comparisons.Length > 0 && !random.OneIn(3) && Satisfy(input, parent, covered, ref random) is { } aimed)
        {
            input = aimed;
            if (!random.OneIn(4))
            {
                return input;
            }
        }

        if (random.OneIn(16) && SameFloat(input, parent, random.OneIn(2) ? double.NaN : double.PositiveInfinity) is { } special)
        {
            return special;
        }

        for (var left = 1 + random.Next(3); left > 0; left--)
        {
            input = random.Next(12) switch
            {
                < 6 when parent.Incoming.Length > 0 => Replace(input, random.Pick(parent.Incoming), null, ref random),
                6 when parent.Calls > 0 => Answer(input, 1 + random.Next(Math.Min(parent.Calls + 1, 64)), Likely(ref random), ref random),
                < 10 when input.Arguments.Length > 0 => ChangeArgument(input, ref random),
                10 when mutableGlobals.Length > 0 => input with { Globals = Globals(input.Recorded, ref random) },
                11 when random.OneIn(2) => input with { Seed = random.Next() },
                _ => input with { Mood = Mood(ref random) },
            };
        }

        return input;
    }

    /// <summary>The parent with the sign of zero wherever a float comes in: what an identity such as x + 0.0 changes and nothing else shows. Null where no float does.</summary>
    public TestInput? NegativeZeros(int number, Parent parent) => SameFloat(parent.Input with { Number = number }, parent, -0.0);

    // All floats that come in are the same special number.
    private TestInput? SameFloat(TestInput input, Parent parent, double number)
    {
        var arguments = input.Arguments;
        for (var i = 0; i < arguments.Length; i++)
        {
            if (type.Parameters[i].IsFloat)
            {
                arguments = arguments.SetItem(i, ValueBits.Of(Bits(type.Parameters[i] == ValueType.F32)));
            }
        }

        var loads = parent.Incoming.Where(value => value.IsLoad && value.IsFloat).Take(MaximumPokes).ToList();
        return loads.Count == 0 && arguments == input.Arguments ? null
            : input with { Arguments = arguments, Pokes = [.. loads.Select(load => new MemoryPoke(load.Source, load.Width, Bits(load.Width == 4)))] };

        ulong Bits(bool isSingle) => isSingle ? BitConverter.SingleToUInt32Bits((float)number) : BitConverter.DoubleToUInt64Bits(number);
    }

    // Where one side of a comparison came in from outside, change it there so that the comparison goes the other way.
    private TestInput? Satisfy(TestInput input, Parent parent, bool[] covered, ref SplitMix random)
    {
        var comparison = random.Pick(parent.Comparisons);
        for (var tries = 0; tries < 4 && covered[comparison.Outcome] && covered[Math.Min(comparison.Outcome + 1, covered.Length - 1)]; tries++)
        {
            comparison = random.Pick(parent.Comparisons);
        }

        var (from, to) = random.OneIn(3) ? (comparison.Right, comparison.Left) : (comparison.Left, comparison.Right);
        to = random.Next(6) switch { 0 => to + 1, 1 => to - 1, 2 => to ^ (to > uint.MaxValue ? 1UL << 63 : 0x80000000UL), _ => to };
        if (from == comparison.Left && comparison.Right < 1024 && random.OneIn(4))
        {
            // The index of a br_table, or something like it.
            to = (ulong)random.Next((int)comparison.Right + 2);
        }

        var sources = parent.Incoming.Length + input.Arguments.Length;
        if (sources == 0)
        {
            return null;
        }

        var start = random.Next(sources);
        for (var i = 0; i < sources; i++)
        {
            var at = (start + i) % sources;
            if (Solve(ValueOf(at), from, to) is { } wanted)
            {
                return With(at, wanted, ref random);
            }
        }

        // Nothing explains it: a difference of two values perhaps, or an index that was scaled.
        var delta = random.Next(4) switch { 0 => (to - from) << (1 + random.Next(4)), 1 => from - to, _ => to - from };
        return With(start, ValueOf(start) + delta, ref random);

        ulong ValueOf(int at) => at < parent.Incoming.Length ? parent.Incoming[at].Value : input.Arguments[at - parent.Incoming.Length].Low;

        TestInput With(int at, ulong wanted, ref SplitMix random) => at < parent.Incoming.Length ? Replace(input, parent.Incoming[at], wanted, ref random)
            : input with { Arguments = input.Arguments.SetItem(at - parent.Incoming.Length, Fitted(at - parent.Incoming.Length, wanted)) };

        ValueBits Fitted(int parameter, ulong wanted) => input.Arguments[parameter] with { Low = Fit(type.Parameters[parameter], wanted) };
    }

    /// <summary>
    /// What the value must become so that what was computed from it goes from one number to the other: it is that number, or differs from it by a constant of the
    /// function that is added or masked off, or is it shifted. Null where none of this explains the number.
    /// </summary>
    private ulong? Solve(ulong value, ulong from, ulong to)
    {
        if (value == from || (uint)value == (uint)from && from <= uint.MaxValue)
        {
            return to;
        }

        foreach (var constant in dictionary)
        {
            if ((uint)(value + constant) == (uint)from)
            {
                return to - constant;
            }

            if ((value & constant) == from)
            {
                return (value & ~constant) | (to & constant);
            }

            if (constant is > 0 and < 64 && value >> (int)constant == from)
            {
                return (to << (int)constant) | (value & ((1UL << (int)constant) - 1));
            }
        }

        return null;
    }

    private TestInput Replace(TestInput input, IncomingValue incoming, ulong? wanted, ref SplitMix random)
    {
        var isFloat = incoming.IsFloat && wanted is null && !random.OneIn(3);
        var value = wanted ?? (isFloat ? Float(incoming.Width == 4, ref random) : Likely(ref random));
        return incoming.IsLoad ? Poke(input, incoming, value, ref random) : Answer(input, (int)incoming.Source, value, ref random);
    }

    private SplitMix Stream(int number) => new(SplitMix.Mix(SplitMix.Mix(options.Seed, function), (ulong)number));

    // Another value where the function looked.
    private static TestInput Poke(TestInput input, IncomingValue load, ulong value, ref SplitMix random)
    {
        var poke = new MemoryPoke(load.Source, Math.Min(load.Width, 8), value);
        var others = input.Pokes.RemoveAll(other => other.Address == poke.Address && other.Width == poke.Width);
        return input with { Pokes = others.Length < MaximumPokes ? others.Add(poke) : others.RemoveAt(random.Next(others.Length)).Add(poke) };
    }

    private static TestInput Answer(TestInput input, int call, ulong value, ref SplitMix random)
    {
        var others = input.Answers.RemoveAll(other => other.Call == call);
        var answer = new CallAnswer(call, value);
        return input with { Answers = others.Length < MaximumPokes ? others.Add(answer) : others.SetItem(random.Next(others.Length), answer) };
    }

    private TestInput ChangeArgument(TestInput input, ref SplitMix random)
    {
        var at = random.Next(input.Arguments.Length);
        var value = random.OneIn(2) ? Argument(at, ref random) : Nudge(type.Parameters[at], input.Arguments[at], ref random);
        return input with { Arguments = input.Arguments.SetItem(at, value) };
    }

    // A value that a program may well compare with: its constants first.
    private ulong Likely(ref SplitMix random) => random.Next(8) switch
    {
        0 or 1 or 2 when dictionary.Length > 0 => random.Pick(dictionary) + (random.OneIn(2) ? 0 : (ulong)random.Next(3) - 1),
        3 => Arena.Pointers(arena, original.Memories is [{ Limits.Is64: true }, ..], ref random),
        4 => 1UL << random.Next(64),
        _ => Number(ref random),
    };

    private static ValueBits Nudge(ValueType type, ValueBits value, ref SplitMix random)
    {
        var low = random.Next(5) switch
        {
            0 => value.Low + 1,
            1 => value.Low - 1,
            2 => value.Low ^ 1UL << random.Next(64),
            3 => value.Low + (ulong)random.Next(64),
            _ => ~value.Low,
        };
        return type.IsReference ? ValueBits.Of(1 - (value.Low & 1)) : value with { Low = type == ValueType.I32 || type == ValueType.F32 ? (uint)low : low };
    }

    /// <summary>0 to 7: what values calls out favour (0 none); plus 8 in one of four: calls may trap; plus 16 in one of four: calls leave memory alone.</summary>
    private static int Mood(ref SplitMix random)
    {
        var favourite = random.OneIn(2) ? 0 : 1 + random.Next(7);
        return favourite + (random.OneIn(4) ? CalleeModel.MayTrap : 0) + (random.OneIn(4) ? CalleeModel.LeavesMemory : 0);
    }

    private ImmutableArray<ValueBits> Arguments(ref SplitMix random)
    {
        var arguments = ImmutableArray.CreateBuilder<ValueBits>(type.Parameters.Length);
        var style = random.Next(8);
        for (var i = 0; i < type.Parameters.Length; i++)
        {
            if (i > 0 && style == 0 && type.Parameters[i] == type.Parameters[i - 1] && random.OneIn(2))
            {
                // Equal or close arguments: aliases, and pairs of begin and end.
                arguments.Add(ValueBits.Of(Fit(type.Parameters[i], arguments[i - 1].Low + (random.OneIn(2) ? 0 : (ulong)random.Next(80)))));
            }
            else if (style == 1)
            {
                arguments.Add(Plain(type.Parameters[i], ref random));
            }
            else
            {
                arguments.Add(Argument(i, ref random));
            }
        }

        return arguments.MoveToImmutable();
    }

    private ValueBits Argument(int index, ref SplitMix random)
    {
        var parameter = type.Parameters[index];
        var isAddress = addresses[index];
        if (parameter.IsInteger && memoryBytes > 0 && random.Next(8) < (isAddress ? 7 : 3))
        {
            return ValueBits.Of(Fit(parameter, Address(ref random)));
        }

        return Plain(parameter, ref random);
    }

    private ulong Address(ref SplitMix random) => random.Next(16) switch
    {
        < 9 => arena + (ulong)random.Next(Arena.Cells - 8) * 8,
        9 => arena + (ulong)random.Next(Arena.Cells * 8),
        10 or 11 when original.StackPointer > 0 => original.StackPointer - (ulong)random.Next(64) * 16,
        12 => memoryBytes - (ulong)random.Next(32),
        13 => 0,
        _ when original.Slices.Length > 0 => InData(ref random),
        _ => (ulong)random.Next((int)Math.Min(memoryBytes, int.MaxValue)),
    };

    private ulong InData(ref SplitMix random)
    {
        var slice = random.Pick(original.Slices);
        return slice.Address + ((ulong)random.Next(slice.Bytes.Length + 1) & (random.OneIn(4) ? ulong.MaxValue : ~3UL));
    }

    private ValueBits Plain(ValueType parameter, ref SplitMix random)
    {
        if (parameter.IsReference)
        {
            return ValueBits.Of((ulong)random.Next(2));
        }

        if (parameter == ValueType.V128)
        {
            return new ValueBits(Number(ref random), Number(ref random));
        }

        if (parameter.IsFloat && !random.OneIn(3))
        {
            return ValueBits.Of(Float(parameter == ValueType.F32, ref random));
        }

        return ValueBits.Of(Fit(parameter, Number(ref random)));
    }

    private static ulong Float(bool isSingle, ref SplitMix random)
    {
        var number = random.Next(6) switch
        {
            0 => -0.0,
            1 => random.Next(2000) - 1000,
            2 => (random.Next(2000) - 1000) / 16.0,
            3 => Math.ScaleB(random.Next(1 << 20) - (1 << 19), random.Next(100) - 50),
            4 => random.Next(2) == 0 ? double.PositiveInfinity : double.NegativeInfinity,
            _ => random.Next(5) - 2,
        };
        return isSingle ? BitConverter.SingleToUInt32Bits((float)number) : BitConverter.DoubleToUInt64Bits(number);
    }

    private ulong Number(ref SplitMix random) => random.Next(8) switch
    {
        0 => random.Pick(Boundaries.Values),
        1 or 2 => (ulong)random.Next(33),
        3 => random.Next(),
        4 => (1UL << random.Next(64)) - (ulong)random.Next(2),
        5 => (ulong)-random.Next(16),
        6 => (uint)random.Next() >> random.Next(32),
        _ => dictionary.Length > 0 ? random.Pick(dictionary) + (ulong)random.Next(3) - 1 : 0,
    };

    private static ulong Fit(ValueType type, ulong bits) => type == ValueType.I32 || type == ValueType.F32 ? (uint)bits : bits;

    private ImmutableArray<GlobalBits> Globals(bool isRecorded, ref SplitMix random)
    {
        var globals = ImmutableArray.CreateBuilder<GlobalBits>();
        foreach (var global in mutableGlobals)
        {
            var (_, value) = (global, original.GlobalTypes[(int)global].Value);
            if (isRecorded && recorded.Globals.TryGetValue(global, out var seen))
            {
                globals.Add(new GlobalBits(global, seen));
            }
            else if (original.LooksLikePointer(global))
            {
                if (random.OneIn(4))
                {
                    globals.Add(new GlobalBits(global, ValueBits.Of(original.GlobalValues[(int)global].Low - (ulong)random.Next(64) * 16)));
                }
            }
            else if (random.OneIn(2))
            {
                globals.Add(new GlobalBits(global, Plain(value, ref random)));
            }
        }

        return globals.ToImmutable();
    }

    private ImmutableArray<FilledRegion> Fills(ImmutableArray<ValueBits> arguments, ref SplitMix random)
    {
        var fills = ImmutableArray.CreateBuilder<FilledRegion>();
        for (var i = 0; i < arguments.Length && fills.Count < MaximumFills; i++)
        {
            if (type.Parameters[i].IsInteger && arguments[i].Low is > 8 and var address && address < memoryBytes && random.OneIn(2))
            {
                fills.Add(new FilledRegion(address, 1 + random.Next(16), (FillKind)random.Next(6)));
            }
        }

        // The globals of C and Rust programs live in memory: change some of them, too.
        if (fills.Count < MaximumFills && original.Slices.Length > 0 && random.OneIn(3))
        {
            var named = dictionary.Length > 0 ? random.Pick(dictionary) : 0;
            var isNamed = named > 1024 && named < memoryBytes && random.OneIn(2);
            fills.Add(new FilledRegion(isNamed ? named : InData(ref random), 1 + random.Next(4), (FillKind)random.Next(6)));
        }

        return fills.ToImmutable();
    }

    private static IEnumerable<uint> UsedGlobals(FunctionCode code) => code.Instructions
        .Where(instruction => instruction.Opcode is Opcode.GlobalGet or Opcode.GlobalSet).Select(instruction => instruction.Index).Distinct().Order();

    // A parameter that a load follows at once, or after a constant is added, is an address; so is one that is fetched before a value is stored.
    private bool[] AddressParameters(FunctionCode code)
    {
        var found = new bool[type.Parameters.Length];
        var instructions = code.Instructions;
        for (var i = 0; i + 1 < instructions.Length; i++)
        {
            if (instructions[i].Opcode is not (Opcode.LocalGet or Opcode.LocalTee) || instructions[i].Index >= found.Length)
            {
                continue;
            }

            var next = instructions[i + 1];
            if (i + 3 < instructions.Length && next.Opcode == Opcode.I32Const && instructions[i + 2].Opcode == Opcode.I32Add)
            {
                next = instructions[i + 3];
            }

            found[instructions[i].Index] |= next.Info.Immediate == ImmediateKind.Memory
                || (i + 2 < instructions.Length && MemoryAccess.Writes(instructions[i + 2].Opcode));
        }

        return found;
    }
}

/// <summary>An input to vary, and where to do that.</summary>
/// <param name="Incoming">Values that the original loaded or got from calls out on it.</param>
/// <param name="Comparisons">What it compared.</param>
/// <param name="Calls">How many calls out it made.</param>
internal sealed record Parent(TestInput Input, ImmutableArray<IncomingValue> Incoming, ImmutableArray<Comparison> Comparisons, int Calls);
