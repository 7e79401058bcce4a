using System.Collections.Immutable;
using Mewe.Wasm.Binary;

namespace Mewe.Wasm;

/// <summary>Reads and writes one instruction, driven by <see cref="OpcodeTable"/> (specification, 5.4).</summary>
public static class InstructionCodec
{
    /// <exception cref="WasmException">Malformed, with the offset of the instruction or of the immediate that is wrong.</exception>
    public static Instruction Read(ref BinaryDecoder decoder)
    {
        var at = decoder.Offset;
        int code = decoder.Byte();
        if (code is 0xFB or 0xFC or 0xFD or 0xFE)
        {
            var sub = decoder.U32();
            var block = code switch { 0xFB => 0x100, 0xFC => 0x200, 0xFE => 0x300, _ => 0x400 };
            if (sub >= (code == 0xFD ? 0x114 : 0x100))
            {
                throw new WasmException(WasmErrorKind.Malformed, at, $"illegal opcode 0x{code:x2} {sub}");
            }

            code = block + (int)sub;
        }

        var info = OpcodeTable.Find(code) ?? throw UnsupportedProposals.Error(UnsupportedProposals.OfOpcode(code), at, $"illegal opcode {Spell(code)}");
        var opcode = info.Opcode;
        switch (info.Immediate)
        {
            case ImmediateKind.None:
                return Instruction.Of(opcode);
            case ImmediateKind.Label or ImmediateKind.Local or ImmediateKind.Global or ImmediateKind.Function or ImmediateKind.Table or ImmediateKind.Type
                or ImmediateKind.Tag or ImmediateKind.MemoryIndex or ImmediateKind.Data or ImmediateKind.Element:
                return Instruction.Of(opcode, decoder.U32());
            case ImmediateKind.TypeTable or ImmediateKind.DataMemory or ImmediateKind.MemoryMemory or ImmediateKind.ElementTable or ImmediateKind.TableTable
                or ImmediateKind.TypeField or ImmediateKind.TypeCount or ImmediateKind.TypeData or ImmediateKind.TypeElement or ImmediateKind.TypeType:
                return Instruction.Of(opcode, decoder.U32(), decoder.U32());
            case ImmediateKind.I32:
                return Instruction.I32Const(decoder.S32());
            case ImmediateKind.I64:
                return Instruction.I64Const(decoder.S64());
            case ImmediateKind.F32:
                return Instruction.F32Const(decoder.F32());
            case ImmediateKind.F64:
                return Instruction.F64Const(decoder.F64());
            case ImmediateKind.BlockType:
                return Instruction.Block(opcode, decoder.BlockType());
            case ImmediateKind.Memory or ImmediateKind.MemoryLane:
                return ReadMemory(ref decoder, info);
            case ImmediateKind.Lane:
                return Instruction.Lane(opcode, decoder.Byte());
            case ImmediateKind.V128 or ImmediateKind.Shuffle:
                return Instruction.Of(opcode, new V128Payload(decoder.F64(), decoder.F64()));
            case ImmediateKind.HeapType:
                return Instruction.Of(opcode, new HeapTypePayload(decoder.HeapType()));
            case ImmediateKind.LabelTable:
                return ReadLabelTable(ref decoder);
            case ImmediateKind.SelectTypes:
                return ReadSelectTypes(ref decoder);
            case ImmediateKind.BranchOnCast:
                return ReadBranchOnCast(ref decoder, opcode);
            case ImmediateKind.TryTable:
                return ReadTryTable(ref decoder);
            case ImmediateKind.ZeroByte:
                return decoder.Byte() == 0 ? Instruction.Of(opcode) : throw new WasmException(WasmErrorKind.Malformed, at, "zero byte expected");
            default:
                throw new InvalidOperationException($"no reader for the immediates of {info.Name}");
        }
    }

    private static Instruction ReadMemory(ref BinaryDecoder decoder, OpcodeInfo info)
    {
        var at = decoder.Offset;
        var flags = decoder.U32();
        if (flags >= 0x80)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, "malformed memop flags");
        }

        var memory = (flags & 0x40) != 0 ? decoder.U32() : 0;
        var offset = decoder.U64();
        var lane = info.Immediate == ImmediateKind.MemoryLane ? decoder.Byte() : (byte)0;
        return Instruction.Memory(info.Opcode, offset, flags & 0x3F, memory, lane);
    }

    private static Instruction ReadLabelTable(ref BinaryDecoder decoder)
    {
        var labels = new uint[decoder.Count(Limits.MaxBranchTableTargets, "branch targets")];
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = decoder.U32();
        }

        return Instruction.BranchTable(ImmutableArray.Create(labels), decoder.U32());
    }

    private static Instruction ReadSelectTypes(ref BinaryDecoder decoder)
    {
        var types = new ValueType[decoder.Count(Limits.MaxResults, "select types")];
        for (var i = 0; i < types.Length; i++)
        {
            types[i] = decoder.ValueType();
        }

        return Instruction.Of(Opcode.SelectTyped, new TypesPayload(ImmutableArray.Create(types)));
    }

    private static Instruction ReadBranchOnCast(ref BinaryDecoder decoder, Opcode opcode)
    {
        var at = decoder.Offset;
        var flags = decoder.Byte();
        if (flags > 3)
        {
            throw new WasmException(WasmErrorKind.Malformed, at, "malformed br_on_cast flags");
        }

        var label = decoder.U32();
        var from = decoder.HeapType();
        var to = decoder.HeapType();
        return Instruction.Of(opcode, label, new CastPayload(ValueType.Ref(from, (flags & 1) != 0), ValueType.Ref(to, (flags & 2) != 0)));
    }

    private static Instruction ReadTryTable(ref BinaryDecoder decoder)
    {
        var type = decoder.BlockType();
        var clauses = new CatchClause[decoder.Count(Limits.MaxBranchTableTargets, "catch clauses")];
        for (var i = 0; i < clauses.Length; i++)
        {
            var at = decoder.Offset;
            var kind = decoder.Byte();
            if (kind > 3)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, "malformed catch clause");
            }

            clauses[i] = new CatchClause((CatchKind)kind, kind < 2 ? decoder.U32() : 0, decoder.U32());
        }

        return Instruction.Of(Opcode.TryTable, new TryTablePayload(type, ImmutableArray.Create(clauses)));
    }

    public static void Write(BinaryEncoder encoder, in Instruction instruction)
    {
        var code = (int)instruction.Opcode;
        switch (code)
        {
            case < 0x100:
                encoder.Byte((byte)code);
                break;
            case < 0x400:
                encoder.Byte(code switch { < 0x200 => 0xFB, < 0x300 => 0xFC, _ => 0xFE });
                encoder.U32((uint)code & 0xFF);
                break;
            default:
                encoder.Byte(0xFD);
                encoder.U32((uint)code - 0x400);
                break;
        }

        switch (instruction.Info.Immediate)
        {
            case ImmediateKind.None:
                break;
            case ImmediateKind.I32:
                encoder.S32(instruction.I32);
                break;
            case ImmediateKind.I64:
                encoder.S64(instruction.I64);
                break;
            case ImmediateKind.F32:
                encoder.F32((uint)instruction.Bits);
                break;
            case ImmediateKind.F64:
                encoder.F64(instruction.Bits);
                break;
            case ImmediateKind.BlockType:
                encoder.BlockType(instruction.BlockType);
                break;
            case ImmediateKind.Memory or ImmediateKind.MemoryLane:
                encoder.U32(instruction.Index2 | (instruction.Index != 0 ? 0x40u : 0));
                if (instruction.Index != 0)
                {
                    encoder.U32(instruction.Index);
                }

                encoder.U64(instruction.Bits);
                if (instruction.Info.Immediate == ImmediateKind.MemoryLane)
                {
                    encoder.Byte(instruction.LaneIndex);
                }

                break;
            case ImmediateKind.Lane:
                encoder.Byte(instruction.LaneIndex);
                break;
            case ImmediateKind.V128 or ImmediateKind.Shuffle:
                var v128 = (V128Payload)instruction.Payload!;
                encoder.F64(v128.Low);
                encoder.F64(v128.High);
                break;
            case ImmediateKind.HeapType:
                encoder.HeapType(((HeapTypePayload)instruction.Payload!).Heap);
                break;
            case ImmediateKind.LabelTable:
                encoder.U32((uint)instruction.Labels.Length);
                foreach (var label in instruction.Labels)
                {
                    encoder.U32(label);
                }

                encoder.U32(instruction.Index);
                break;
            case ImmediateKind.SelectTypes:
                var types = ((TypesPayload)instruction.Payload!).Types;
                encoder.U32((uint)types.Length);
                foreach (var type in types)
                {
                    encoder.ValueType(type);
                }

                break;
            case ImmediateKind.BranchOnCast:
                var cast = (CastPayload)instruction.Payload!;
                encoder.Byte((byte)((cast.From.IsNullable ? 1 : 0) | (cast.To.IsNullable ? 2 : 0)));
                encoder.U32(instruction.Index);
                encoder.HeapType(cast.From.Heap);
                encoder.HeapType(cast.To.Heap);
                break;
            case ImmediateKind.TryTable:
                WriteTryTable(encoder, (TryTablePayload)instruction.Payload!);
                break;
            case ImmediateKind.ZeroByte:
                encoder.Byte(0);
                break;
            case ImmediateKind.TypeTable or ImmediateKind.DataMemory or ImmediateKind.MemoryMemory or ImmediateKind.ElementTable or ImmediateKind.TableTable
                or ImmediateKind.TypeField or ImmediateKind.TypeCount or ImmediateKind.TypeData or ImmediateKind.TypeElement or ImmediateKind.TypeType:
                encoder.U32(instruction.Index);
                encoder.U32(instruction.Index2);
                break;
            default:
                encoder.U32(instruction.Index);
                break;
        }
    }

    private static void WriteTryTable(BinaryEncoder encoder, TryTablePayload table)
    {
        encoder.BlockType(table.Type);
        encoder.U32((uint)table.Clauses.Length);
        foreach (var clause in table.Clauses)
        {
            encoder.Byte((byte)clause.Kind);
            if (clause.Kind is CatchKind.Catch or CatchKind.CatchRef)
            {
                encoder.U32(clause.Tag);
            }

            encoder.U32(clause.Label);
        }
    }

    private static string Spell(int code) => code switch
    {
        < 0x100 => $"0x{code:x2}",
        < 0x200 => $"0xfb {code - 0x100}",
        < 0x300 => $"0xfc {code - 0x200}",
        < 0x400 => $"0xfe {code - 0x300}",
        _ => $"0xfd {code - 0x400}",
    };
}
