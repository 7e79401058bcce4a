using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;

namespace Mewe.Wasm.Tests.Instructions;

public sealed class OpcodeTableTests
{
    /// <summary>Names that two opcodes share in the text format, where the immediates tell them apart.</summary>
    private static readonly string[] SharedNames = ["select"];

    [Fact]
    public void Every_opcode_has_a_row_and_every_row_an_opcode()
    {
        var rows = OpcodeTable.All.Select(row => row.Opcode).ToList();
        Assert.Equal(Enum.GetValues<Opcode>().Order(), rows.Order());
        Assert.Equal(rows.Count, rows.Distinct().Count());
        Assert.All(Enum.GetValues<Opcode>(), opcode => Assert.Equal(opcode, OpcodeTable.Get(opcode).Opcode));
    }

    [Fact]
    public void Names_are_unique_and_find_their_row()
    {
        foreach (var group in OpcodeTable.All.GroupBy(row => row.Name))
        {
            Assert.True(group.Count() == (SharedNames.Contains(group.Key) ? 2 : 1), group.Key);
            Assert.Equal(group.First(), OpcodeTable.Find(group.Key));
        }

        Assert.Null(OpcodeTable.Find("i32.nonsense"));
    }

    [Fact]
    public void Codes_outside_of_the_table_find_nothing()
    {
        Assert.Null(OpcodeTable.Find(-1));
        Assert.Null(OpcodeTable.Find(OpcodeTable.Size));
        Assert.Null(OpcodeTable.Find(0x27));
    }

    [Fact]
    public void Fixed_signatures_are_made_of_known_letters()
    {
        foreach (var row in OpcodeTable.All.Where(row => row.HasFixedSignature))
        {
            Assert.All(row.Operands + row.Results, letter => Assert.Contains(letter, "iIfFva"));
            Assert.Equal(row.Signature, row.Operands + ":" + row.Results);
        }
    }

    [Fact]
    public void The_address_letter_stands_exactly_where_a_memory_is_named()
    {
        foreach (var row in OpcodeTable.All.Where(row => row.HasFixedSignature))
        {
            var namesMemory = row.Immediate is ImmediateKind.Memory or ImmediateKind.MemoryLane or ImmediateKind.MemoryIndex;
            Assert.True(namesMemory == row.Signature.Contains('a'), row.Name);
        }
    }

    [Theory]
    [InlineData(Opcode.I32Load, 4)]
    [InlineData(Opcode.I64Load8S, 1)]
    [InlineData(Opcode.I64Store32, 4)]
    [InlineData(Opcode.F64Store, 8)]
    [InlineData(Opcode.V128Load, 16)]
    [InlineData(Opcode.V128Load8x8S, 8)]
    [InlineData(Opcode.V128Load32x2U, 8)]
    [InlineData(Opcode.V128Load16Splat, 2)]
    [InlineData(Opcode.V128Load64Zero, 8)]
    [InlineData(Opcode.V128Store16Lane, 2)]
    [InlineData(Opcode.MemoryAtomicNotify, 4)]
    [InlineData(Opcode.MemoryAtomicWait64, 8)]
    [InlineData(Opcode.I64AtomicRmw16AddU, 2)]
    [InlineData(Opcode.I64AtomicRmwCmpxchg, 8)]
    [InlineData(Opcode.I32Add, 0)]
    [InlineData(Opcode.MemoryGrow, 0)]
    public void An_access_says_how_many_bytes_it_touches(Opcode opcode, int bytes) => Assert.Equal(bytes, OpcodeTable.Get(opcode).AccessBytes);

    [Theory]
    [InlineData(Opcode.I8x16ExtractLaneS, 16)]
    [InlineData(Opcode.F64x2ReplaceLane, 2)]
    [InlineData(Opcode.I16x8ReplaceLane, 8)]
    [InlineData(Opcode.V128Load8Lane, 16)]
    [InlineData(Opcode.V128Store64Lane, 2)]
    [InlineData(Opcode.I8x16Shuffle, 32)]
    [InlineData(Opcode.I32Add, 0)]
    public void A_lane_immediate_has_a_bound(Opcode opcode, int lanes) => Assert.Equal(lanes, OpcodeTable.Get(opcode).LaneCount);

    [Fact]
    public void Memory_instructions_read_or_write_what_their_name_says()
    {
        foreach (var row in OpcodeTable.All.Where(row => row.Immediate is ImmediateKind.Memory or ImmediateKind.MemoryLane))
        {
            var (loads, stores, atomic) = (row.Name.Contains("load"), row.Name.Contains("store"), row.Name.Contains("atomic"));
            Assert.True(row.Effects.HasFlag(Effects.Traps), row.Name);
            Assert.True(row.Effects.HasFlag(Effects.Atomic) == atomic, row.Name);
            if (!atomic)
            {
                Assert.True(row.Effects.HasFlag(Effects.ReadsMemory) == loads && row.Effects.HasFlag(Effects.WritesMemory) == stores, row.Name);
            }
        }
    }

    [Fact]
    public void Instructions_of_every_row_with_random_immediates_are_read_as_they_were_written()
    {
        var random = new InstructionGenerator(seed: 1);
        foreach (var row in OpcodeTable.All)
        {
            for (var i = 0; i < 50; i++)
            {
                var instruction = random.Next(row);
                var encoder = new BinaryEncoder();
                InstructionCodec.Write(encoder, instruction);
                var decoder = new BinaryDecoder(encoder.Written);
                Assert.Equal(instruction, InstructionCodec.Read(ref decoder));
                Assert.True(decoder.AtEnd, row.Name);
                Assert.NotEmpty(instruction.ToString());
            }
        }
    }

    [Fact]
    public void Every_truncation_of_an_instruction_is_malformed()
    {
        var random = new InstructionGenerator(seed: 2);
        foreach (var row in OpcodeTable.All)
        {
            var encoder = new BinaryEncoder();
            InstructionCodec.Write(encoder, random.Next(row));
            for (var length = 0; length < encoder.Length; length++)
            {
                var bytes = encoder.Written[..length].ToArray();
                var exception = Assert.Throws<WasmException>(() =>
                {
                    var decoder = new BinaryDecoder(bytes, 1000);
                    InstructionCodec.Read(ref decoder);
                });
                Assert.Equal(WasmErrorKind.Malformed, exception.Error.Kind);
                Assert.InRange(exception.Error.Offset, 1000, 1000 + length);
            }
        }
    }
}
