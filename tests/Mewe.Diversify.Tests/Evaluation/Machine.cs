using System.Buffers.Binary;
using System.Collections.Immutable;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Tests.Evaluation;

/// <summary>Everything that can be observed of one run.</summary>
public sealed record Outcome(string End, string Results, string Events, string Memory, string Globals);

/// <summary>
/// A plain evaluator of one function for the tests. Calls out are not executed: each is written down with its arguments and the state at that moment, gives values that depend on them,
/// and changes memory and globals, so that nothing can move across it unseen.
/// </summary>
public sealed class Machine(ModuleFacts module, int fuel = 20_000)
{
    /// <summary>Small, so that runs are fast; the bodies under test do not care.</summary>
    private const int MemoryBytes = 2_048;

    private byte[]? touched;
    private ulong memorySeed;
    private bool wroteMemory;
    private readonly Value[] globals = new Value[module.Globals.Length];
    private readonly List<string> events = [];
    private ImmutableArray<OutlinedFunction> outlined = [];
    private ulong blindWord;
    private int fuel = fuel;

    /// <param name="seed">Decides the initial memory and globals.</param>
    public Outcome Run(FunctionType type, VariantCode variant, ReadOnlySpan<Value> arguments, ulong seed)
    {
        outlined = variant.Outlined;
        var state = seed * 0x9E37_79B9_7F4A_7C15 + 1;
        memorySeed = Next(ref state);
        for (var i = 0; i < globals.Length; i++)
        {
            globals[i] = Clip(module.Globals[i].Value, Next(ref state));
        }

        blindWord = (Next(ref state) & 3) == 0 ? (ulong)-(long)(state & 1) : Next(ref state);
        string end, results = "";
        try
        {
            results = string.Join(',', Invoke(type, variant.Code, arguments));
            end = "return";
        }
        catch (TrapException trap)
        {
            end = "trap " + trap.Message;
        }
        catch (OutOfFuelException)
        {
            end = "fuel";
        }

        return new Outcome(end, results, string.Join('\n', events), wroteMemory ? MemoryHash() : "unchanged", string.Join(',', globals));
    }

    /// <summary>Filled at the first access: most bodies under test never look.</summary>
    private byte[] Memory
    {
        get
        {
            if (touched is null)
            {
                touched = new byte[MemoryBytes];
                var state = memorySeed;
                for (var i = 0; i < touched.Length; i += 8)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(touched.AsSpan(i), Next(ref state));
                }
            }

            return touched;
        }
    }

    /// <summary>Of all the memory.</summary>
    private string MemoryHash()
    {
        var hash = 0xCBF2_9CE4_8422_2325UL;
        for (var i = 0; i < MemoryBytes; i += 8)
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(Memory.AsSpan(i))) * 0x100_0000_01B3;
            hash ^= hash >> 29;
        }

        return hash.ToString("x16");
    }

    private static ulong Next(ref ulong state)
    {
        state += 0x9E37_79B9_7F4A_7C15;
        var z = (state ^ (state >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    private static Value Clip(ValueType type, ulong bits) => type == ValueType.I32 || type == ValueType.F32 ? (uint)bits : bits;

    private Value[] Invoke(FunctionType type, FunctionCode code, ReadOnlySpan<Value> arguments)
    {
        var view = FunctionView.Of(new FunctionInput(module, 0, type, code), placeholder => outlined[(int)(placeholder - VariantCode.OutlinedBase)].Type);
        var locals = new Value[view.LocalCount];
        arguments.CopyTo(locals);
        var stack = new List<Value>();
        var labels = new List<(int Opener, int Height)>();
        Value Pop()
        {
            var value = stack[^1];
            stack.RemoveAt(stack.Count - 1);
            return value;
        }

        Value[] Top(int count) => [.. stack[(stack.Count - count)..]];
        (int Parameters, int Results) Arity(int opener)
        {
            var block = view[opener].BlockType;
            var function = block.IsIndex ? module.TypeAt(block.TypeIndex) : null;
            return function is not null ? (function.Parameters.Length, function.Results.Length) : (0, block.IsEmpty ? 0 : 1);
        }

        var pc = 0;
        bool Branch(int label)
        {
            if (label == labels.Count)
            {
                var values = Top(type.Results.Length);
                stack.Clear();
                stack.AddRange(values);
                return true;
            }

            var (opener, height) = labels[labels.Count - 1 - label];
            var loop = view[opener].Opcode == Opcode.Loop;
            var kept = Top(loop ? Arity(opener).Parameters : Arity(opener).Results);
            stack.RemoveRange(height, stack.Count - height);
            stack.AddRange(kept);
            labels.RemoveRange(labels.Count - label, label);
            if (loop)
            {
                pc = opener + 1;
            }
            else
            {
                labels.RemoveAt(labels.Count - 1);
                pc = view.MatchingEnd(opener) + 1;
            }

            return false;
        }

        while (true)
        {
            if (--fuel < 0)
            {
                throw new OutOfFuelException();
            }

            var instruction = view[pc];
            switch (instruction.Opcode)
            {
                case Opcode.Unreachable:
                    throw new TrapException("unreachable");
                case Opcode.Nop:
                    break;
                case Opcode.Block or Opcode.Loop:
                    labels.Add((pc, stack.Count - Arity(pc).Parameters));
                    break;
                case Opcode.If:
                    var condition = Pop();
                    if (condition.U32 != 0)
                    {
                        labels.Add((pc, stack.Count - Arity(pc).Parameters));
                    }
                    else if (view.MatchingElse(pc) >= 0)
                    {
                        labels.Add((pc, stack.Count - Arity(pc).Parameters));
                        pc = view.MatchingElse(pc);
                    }
                    else
                    {
                        pc = view.MatchingEnd(pc);
                    }

                    break;
                case Opcode.Else:
                    pc = view.MatchingEnd(pc);
                    labels.RemoveAt(labels.Count - 1);
                    break;
                case Opcode.End:
                    if (labels.Count == 0)
                    {
                        return Top(type.Results.Length);
                    }

                    labels.RemoveAt(labels.Count - 1);
                    break;
                case Opcode.Br:
                    if (Branch((int)instruction.Index))
                    {
                        return [.. stack];
                    }

                    continue;
                case Opcode.BrIf:
                    if (Pop().U32 != 0)
                    {
                        if (Branch((int)instruction.Index))
                        {
                            return [.. stack];
                        }

                        continue;
                    }

                    break;
                case Opcode.BrTable:
                    var index = Pop().U32;
                    if (Branch((int)(index < (uint)instruction.Labels.Length ? instruction.Labels[(int)index] : instruction.Index)))
                    {
                        return [.. stack];
                    }

                    continue;
                case Opcode.Return:
                    return Top(type.Results.Length);
                case Opcode.Call:
                    Call(instruction.Index, stack);
                    break;
                case Opcode.Drop:
                    Pop();
                    break;
                case Opcode.Select or Opcode.SelectTyped:
                    var (chosen, otherwise, first) = (Pop(), Pop(), Pop());
                    stack.Add(chosen.U32 != 0 ? first : otherwise);
                    break;
                case Opcode.LocalGet:
                    stack.Add(locals[instruction.Index]);
                    break;
                case Opcode.LocalSet:
                    locals[instruction.Index] = Pop();
                    break;
                case Opcode.LocalTee:
                    locals[instruction.Index] = stack[^1];
                    break;
                case Opcode.GlobalGet when instruction.Index == VariantCode.BlindGlobal:
                    stack.Add(blindWord);
                    break;
                case Opcode.GlobalSet when instruction.Index == VariantCode.BlindGlobal:
                    blindWord = Pop().U64;
                    break;
                case Opcode.GlobalGet:
                    stack.Add(globals[instruction.Index]);
                    break;
                case Opcode.GlobalSet:
                    globals[instruction.Index] = Pop();
                    break;
                case Opcode.MemorySize:
                    stack.Add(1u);
                    break;
                case Opcode.I32Const or Opcode.F32Const:
                    stack.Add((uint)instruction.Bits);
                    break;
                case Opcode.I64Const or Opcode.F64Const:
                    stack.Add(instruction.Bits);
                    break;
                case Opcode.V128Const:
                    stack.Add(new Value(((V128Payload)instruction.Payload!).Low, ((V128Payload)instruction.Payload).High));
                    break;
                case >= Opcode.I32Load and <= Opcode.I64Load32U:
                    stack.Add(Load(instruction, Pop()));
                    break;
                case >= Opcode.I32Store and <= Opcode.I64Store32:
                    var stored = Pop();
                    Store(instruction, Pop(), stored);
                    break;
                default:
                    var operands = Top(instruction.Info.Operands.Length);
                    stack.RemoveRange(stack.Count - operands.Length, operands.Length);
                    stack.Add(Numeric.Evaluate(instruction.Opcode, operands));
                    break;
            }

            pc++;
        }
    }

    private void Call(uint index, List<Value> stack)
    {
        var body = index >= VariantCode.OutlinedBase ? outlined[(int)(index - VariantCode.OutlinedBase)] : null;
        var type = body?.Type ?? module.FunctionTypes[(int)index]!;
        var arguments = stack[(stack.Count - type.Parameters.Length)..].ToArray();
        stack.RemoveRange(stack.Count - arguments.Length, arguments.Length);
        if (body is not null)
        {
            stack.AddRange(Invoke(type, body.Code, arguments));
            return;
        }

        var state = (ulong)events.Count ^ ((ulong)index << 32);
        events.Add($"{index}({string.Join(',', arguments)}) {string.Join(',', globals)} {MemoryHash()}");
        foreach (var argument in arguments)
        {
            state = state * 31 + argument.Low;
        }

        // A callee may step it.
        var stepped = state ^ memorySeed;
        blindWord = Next(ref stepped);
        wroteMemory = true;
        BinaryPrimitives.WriteUInt64LittleEndian(Memory.AsSpan((int)(Next(ref state) % 1024)), Next(ref state));
        for (var i = 0; i < globals.Length; i++)
        {
            if (module.Globals[i].Mutable)
            {
                globals[i] = Clip(module.Globals[i].Value, Next(ref state));
            }
        }

        foreach (var result in type.Results)
        {
            stack.Add(Clip(result, Next(ref state) >> (int)(Next(ref state) % 60)));
        }
    }

    private Span<byte> At(in Instruction access, Value address, int bytes)
    {
        var at = address.U32 + access.Bits;
        return at + (ulong)bytes > (ulong)Memory.Length ? throw new TrapException("memory") : Memory.AsSpan((int)at, bytes);
    }

    private Value Load(in Instruction load, Value address) => load.Opcode switch
    {
        Opcode.I32Load or Opcode.F32Load => BinaryPrimitives.ReadUInt32LittleEndian(At(load, address, 4)),
        Opcode.I64Load or Opcode.F64Load => BinaryPrimitives.ReadUInt64LittleEndian(At(load, address, 8)),
        Opcode.I32Load8S => (uint)(sbyte)At(load, address, 1)[0],
        Opcode.I32Load8U => (uint)At(load, address, 1)[0],
        Opcode.I32Load16S => (uint)BinaryPrimitives.ReadInt16LittleEndian(At(load, address, 2)),
        Opcode.I32Load16U => (uint)BinaryPrimitives.ReadUInt16LittleEndian(At(load, address, 2)),
        Opcode.I64Load8S => (ulong)(sbyte)At(load, address, 1)[0],
        Opcode.I64Load8U => (ulong)At(load, address, 1)[0],
        Opcode.I64Load16S => (ulong)BinaryPrimitives.ReadInt16LittleEndian(At(load, address, 2)),
        Opcode.I64Load16U => (ulong)BinaryPrimitives.ReadUInt16LittleEndian(At(load, address, 2)),
        Opcode.I64Load32S => (ulong)BinaryPrimitives.ReadInt32LittleEndian(At(load, address, 4)),
        _ => (ulong)BinaryPrimitives.ReadUInt32LittleEndian(At(load, address, 4)),
    };

    private void Store(in Instruction store, Value address, Value value)
    {
        wroteMemory = true;
        switch (store.Opcode)
        {
            case Opcode.I64Store or Opcode.F64Store:
                BinaryPrimitives.WriteUInt64LittleEndian(At(store, address, 8), value.U64);
                break;
            case Opcode.I32Store or Opcode.F32Store or Opcode.I64Store32:
                BinaryPrimitives.WriteUInt32LittleEndian(At(store, address, 4), value.U32);
                break;
            case Opcode.I32Store16 or Opcode.I64Store16:
                BinaryPrimitives.WriteUInt16LittleEndian(At(store, address, 2), (ushort)value.U32);
                break;
            default:
                At(store, address, 1)[0] = (byte)value.U32;
                break;
        }
    }
}
