using System.Collections.Frozen;
using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Linking.Randomness;
using Mewe.Wasm;

namespace Mewe.Linking.Dispatch;

/// <summary>
/// Bodies of originals and variants as they stand in the multivariant module: with its function indices, calls to bound functions (<see cref="BoundCalls"/>) and inlined ones
/// (<see cref="InlinedCalls"/>), and the blind word in the place of its placeholder.
/// </summary>
internal sealed class LinkedBodies(WasmModule original, FunctionIndexShift shift, BlindWord? blind, BoundCalls bound, InlinedCalls inlined, FrozenDictionary<uint, LinkedFunction> functions)
{
    private readonly WasmModule original = original;
    private readonly FunctionIndexShift shift = shift;
    private readonly BlindWord? blind = blind;
    private readonly BoundCalls bound = bound;
    private readonly InlinedCalls inlined = inlined;
    private readonly FrozenDictionary<uint, LinkedFunction> functions = functions;

    /// <summary>Bodies in bodies in bodies: deeper than that a call stays a call.</summary>
    public const int DeepestNesting = 4;

    /// <summary>The body of the original, and what was inlined into it. Where nothing was, only the bytes of indices that changed are written anew.</summary>
    /// <param name="shifted">With the function indices of the multivariant module.</param>
    public (FunctionBody Body, InlinedSites Sites) Original(LinkedFunction function, FunctionBody shifted)
    {
        if (!inlined.IsEmpty && !function.Variants.Inlines.IsEmpty)
        {
            var (code, sites) = new Writer(this, function, 0).Main(Decoded(function));
            if (!sites.IsNone)
            {
                return (new FunctionBody(code), sites);
            }
        }

        if (bound.IsEmpty)
        {
            return (shifted, InlinedSites.None);
        }

        var site = 0;
        return (FunctionIndexShift.Replace(shifted, instruction =>
            BoundCalls.IsDirectCall(instruction.Opcode) && shift.Undo(instruction.Index) is { } callee && bound.Binds(instruction.WithIndex(callee))
                ? instruction.WithIndex(bound.Target(callee, function.Index, 0, site++))
                : instruction), InlinedSites.None);
    }

    /// <summary>The body of a variant, what was inlined into it, and the bodies of its outlined functions.</summary>
    public (FunctionBody Body, InlinedSites Sites, ImmutableArray<FunctionBody> Outlined) Variant(LinkedFunction function, int number)
    {
        var writer = new Writer(this, function, number);
        var variant = function.Variants.Variants[number - 1].Code;
        var (code, sites) = writer.Main(variant.Code);
        return (new FunctionBody(code), sites, [.. variant.Outlined.Select(outlined => new FunctionBody(writer.Outlined(outlined.Code)))]);
    }

    private FunctionCode Decoded(LinkedFunction function) => original.Bodies[(int)function.Index - original.ImportedFunctionCount].Decode();

    private FunctionCode BodyOf(LinkedFunction function, int choice) => choice == 0 ? Decoded(function) : function.Variants.Variants[choice - 1].Code.Code;

    /// <summary>One body, with those that stand in it.</summary>
    private sealed class Writer(LinkedBodies bodies, LinkedFunction function, int number)
    {
        private readonly ImmutableArray<Instruction>.Builder output = ImmutableArray.CreateBuilder<Instruction>();
        private readonly ImmutableArray<InlinedSite>.Builder sites = ImmutableArray.CreateBuilder<InlinedSite>();
        private readonly Dictionary<ValueType, List<uint>> pool = [];
        private readonly List<ValueType> appended = [];
        private readonly Frame outermost = new(function, number, []);
        private uint firstAppended;

        public (FunctionCode Code, InlinedSites Sites) Main(FunctionCode code)
        {
            firstAppended = (uint)(bodies.original.TypeOfFunction(function.Index).Parameters.Length + code.LocalCount);
            Write(outermost, code);
            var groups = FunctionCode.Group(appended);
            return (new FunctionCode(code.Locals.AddRange(groups), output.ToImmutable()), sites.Count == 0 ? InlinedSites.None : new InlinedSites((uint)groups.Length, sites.ToImmutable()));
        }

        /// <summary>Nothing is inlined into outlined functions: they are what a variant moved out of the way.</summary>
        public FunctionCode Outlined(FunctionCode code) => new(code.Locals, [.. code.Instructions.Select(instruction => Resolve(outermost, instruction))]);

        private void Write(Frame frame, FunctionCode code)
        {
            var depth = 0u;
            foreach (var instruction in code.Instructions)
            {
                if (instruction.Opcode == Opcode.Call && InlinedAt(frame, instruction.Index) is { } choice)
                {
                    var position = output.Count;
                    WriteInlined(frame, bodies.functions[instruction.Index], choice);
                    if (frame == outermost)
                    {
                        sites.Add(new InlinedSite((uint)position, (uint)(output.Count - position), bodies.shift.Apply(instruction.Index)));
                    }

                    continue;
                }

                depth += instruction.OpensBlock ? 1u : 0u;
                output.Add(frame == outermost ? Resolve(frame, instruction) : instruction.Opcode switch
                {
                    Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee => instruction.WithIndex(frame.Locals[instruction.Index]),
                    Opcode.Return => Instruction.Of(Opcode.Br, depth),
                    _ => Resolve(frame, instruction),
                });
                depth -= instruction.Opcode == Opcode.End && depth > 0 ? 1u : 0u;
            }
        }

        private int? InlinedAt(Frame frame, uint callee) =>
            frame.Function.Variants.Inlines.Contains(callee) && frame.Callers.Length < DeepestNesting && callee != frame.Function.Index && !frame.Callers.Contains(callee)
                && bodies.inlined.Choice(callee, frame.Function.Index, frame.Number, frame.InlinedCalls) is { } choice
            ? Counted(choice, ref frame.InlinedCalls) : null;

        private static int Counted(int choice, ref int count)
        {
            count++;
            return choice;
        }

        private void WriteInlined(Frame caller, LinkedFunction callee, int choice)
        {
            var type = bodies.original.TypeOfFunction(callee.Index);
            var code = bodies.BodyOf(callee, choice);
            var own = code.LocalTypes();
            var frame = new Frame(callee, choice, caller.Callers.Add(caller.Function.Index)) { Taken = new Dictionary<ValueType, int>(caller.Taken) };
            frame.Locals = [.. type.Parameters.Concat(own).Select(local => Local(frame, local))];
            for (var i = type.Parameters.Length - 1; i >= 0; i--)
            {
                output.Add(Instruction.LocalSet(frame.Locals[i]));
            }

            var written = WrittenFirst(code);
            for (var i = 0; i < own.Length; i++)
            {
                if (own[i].IsDefaultable && !written.Contains((uint)(type.Parameters.Length + i)))
                {
                    output.Add(Zero(own[i]));
                    output.Add(Instruction.LocalSet(frame.Locals[type.Parameters.Length + i]));
                }
            }

            output.Add(Instruction.Block(Opcode.Block, type.Results.IsEmpty ? BlockType.Empty : BlockType.Of(type.Results[0])));
            Write(frame, code);
        }

        /// <summary>A local that none of the bodies around this one uses. Bodies beside each other share theirs.</summary>
        private uint Local(Frame frame, ValueType type)
        {
            if (!pool.TryGetValue(type, out var all))
            {
                pool.Add(type, all = []);
            }

            var place = frame.Taken.GetValueOrDefault(type);
            frame.Taken[type] = place + 1;
            if (place == all.Count)
            {
                all.Add(firstAppended + (uint)appended.Count);
                appended.Add(type);
            }

            return all[place];
        }

        /// <summary>Locals that the body writes, before anything branches, and had not read until then: whatever they held before does not matter.</summary>
        private static HashSet<uint> WrittenFirst(FunctionCode code)
        {
            var (written, read) = (new HashSet<uint>(), new HashSet<uint>());
            foreach (var instruction in code.Instructions)
            {
                if (instruction.OpensBlock || (instruction.Info.Effects & Effects.Control) != 0)
                {
                    break;
                }

                if (instruction.Opcode == Opcode.LocalGet)
                {
                    read.Add(instruction.Index);
                }
                else if (instruction.Opcode is Opcode.LocalSet or Opcode.LocalTee && !read.Contains(instruction.Index))
                {
                    written.Add(instruction.Index);
                }
            }

            return written;
        }

        private static Instruction Zero(ValueType type) =>
            type == ValueType.I32 ? Instruction.I32Const(0) : type == ValueType.I64 ? Instruction.I64Const(0)
            : type == ValueType.F32 ? Instruction.F32Const(0) : type == ValueType.F64 ? Instruction.F64Const(0)
            : type == ValueType.V128 ? Instruction.V128Const(0, 0) : Instruction.Of(Opcode.RefNull, new HeapTypePayload(type.Heap));

        private Instruction Resolve(Frame frame, Instruction instruction)
        {
            if (VariantCode.NamesBlindWord(instruction))
            {
                return instruction.WithIndex(bodies.blind!.Global);
            }

            if (!FunctionIndexShift.RefersToFunction(instruction.Opcode))
            {
                return instruction;
            }

            if (instruction.Index < VariantCode.OutlinedBase)
            {
                return instruction.Index >= (uint)bodies.original.FunctionCount
                    ? throw MultivariantLinker.Unfit(frame.Function.Variants, $"a variant refers to function {instruction.Index}, which does not exist")
                    : bodies.bound.Binds(instruction) ? instruction.WithIndex(bodies.bound.Target(instruction.Index, frame.Function.Index, frame.Number, frame.BoundCalls++))
                    : bodies.shift.Apply(instruction);
            }

            var (helper, outlined) = (instruction.Index - VariantCode.OutlinedBase, frame.Number == 0 ? [] : frame.Function.Place.Variants[frame.Number - 1].Outlined);
            return helper < (uint)outlined.Length
                ? instruction.WithIndex(outlined[(int)helper])
                : throw MultivariantLinker.Unfit(frame.Function.Variants, $"a variant refers to outlined function {helper} of {outlined.Length}");
        }

        /// <summary>The body that is being written.</summary>
        /// <param name="callers">The functions in whose bodies it stands, outermost first.</param>
        private sealed class Frame(LinkedFunction function, int number, ImmutableArray<uint> callers)
        {
            public LinkedFunction Function { get; } = function;

            public int Number { get; } = number;

            public ImmutableArray<uint> Callers { get; } = callers;

            /// <summary>Where the locals of an inlined body are: parameters first.</summary>
            public uint[] Locals { get; set; } = [];

            /// <summary>Of the appended locals of each type, those that this body and the ones around it use.</summary>
            public Dictionary<ValueType, int> Taken { get; init; } = [];

            public int BoundCalls;

            public int InlinedCalls;
        }
    }
}

/// <summary>A function that is linked: what was asked for, and where it stands.</summary>
internal sealed record LinkedFunction(FunctionVariants Variants, MultivariantFunction Place)
{
    /// <summary>In the original module.</summary>
    public uint Index => Variants.Function;
}
