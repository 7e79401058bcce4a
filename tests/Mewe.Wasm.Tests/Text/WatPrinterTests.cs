using System.Globalization;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Names;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Text;

namespace Mewe.Wasm.Tests.Text;

public sealed class WatPrinterTests
{
    [Theory]
    [InlineData(0x3F80_0000u, "1")]
    [InlineData(0x8000_0000u, "-0")]
    [InlineData(0x0000_0001u, "1E-45")]
    [InlineData(0x7F7F_FFFFu, "3.4028235E+38")]
    [InlineData(0x7F80_0000u, "inf")]
    [InlineData(0xFF80_0000u, "-inf")]
    [InlineData(0x7FC0_0000u, "nan")]
    [InlineData(0xFFC0_0000u, "-nan")]
    [InlineData(0x7FA0_0000u, "nan:0x200000")]
    [InlineData(0xFF80_0001u, "-nan:0x1")]
    public void An_f32_is_printed_so_that_its_bits_come_back(uint bits, string text) => Assert.Equal(text, WatLiteral.F32(bits));

    [Fact]
    public void Floats_of_any_bits_are_read_back_exactly()
    {
        var random = new InstructionGenerator(seed: 5);
        for (var i = 0; i < 20_000; i++)
        {
            var bits = random.Word();
            var value = BitConverter.UInt64BitsToDouble(bits);
            if (double.IsFinite(value))
            {
                Assert.Equal(bits, BitConverter.DoubleToUInt64Bits(double.Parse(WatLiteral.F64(bits), CultureInfo.InvariantCulture)));
            }

            var single = BitConverter.UInt32BitsToSingle((uint)bits);
            if (float.IsFinite(single))
            {
                Assert.Equal((uint)bits, BitConverter.SingleToUInt32Bits(float.Parse(WatLiteral.F32((uint)bits), CultureInfo.InvariantCulture)));
            }
        }
    }

    [Fact]
    public void Strings_escape_quotes_backslashes_and_whatever_is_no_printable_ASCII() =>
        Assert.Equal("\"a\\22\\5c\\0a\\00 \\c3\\bc\"", WatLiteral.Quote("a\"\\\n\0 ü"));

    [Fact]
    public void A_function_is_printed_with_names_types_nesting_and_the_numbers_of_blocks()
    {
        var module = Module(
        [
            Instruction.Block(Opcode.Block, BlockType.Empty), Instruction.LocalGet(0), Instruction.LocalGet(2), Instruction.Of(Opcode.I32Add),
            Instruction.Block(Opcode.If, BlockType.Of(ValueType.I64)), Instruction.I64Const(-1), Instruction.Of(Opcode.Else), Instruction.Of(Opcode.Br, 1),
            Instruction.Of(Opcode.End), Instruction.LocalSet(1), Instruction.Of(Opcode.End), Instruction.I32Const(4),
            Instruction.Memory(Opcode.F64Load, 16, 0), Instruction.Of(Opcode.Drop), Instruction.Call(0), Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End),
        ]);
        var names = new NameSection();
        names.Functions[0] = "compute";
        names.Locals[0][0] = "size";
        names.Locals[0][2] = "my local";
        names.Store(module);
        Assert.Equal("""
            (func $compute (;0;) (type 0) (param $size i32) (param i64)
              (local $"my local" i32) (local f32)
              block ;; @1
                local.get $size
                local.get $"my local"
                i32.add
                if (result i64) ;; @2
                  i64.const -1
                else
                  br 1 (;@1;)
                end
                local.set 1
              end
              i32.const 4
              f64.load offset=16 align=1
              drop
              call $compute
              unreachable
            )

            """, WatPrinter.PrintFunction(module, 0), ignoreLineEndingDifferences: true);
        Assert.Equal(["local.get $size", "end"], new WatPrinter(module).Lines(0, new FunctionCode([], [Instruction.LocalGet(0), Instruction.Of(Opcode.End)])));
    }

    [Fact]
    public void Labels_with_names_are_called_by_them()
    {
        var module = Module([Instruction.Block(Opcode.Loop, BlockType.Empty), Instruction.Of(Opcode.Br, 0), Instruction.Of(Opcode.End), Instruction.Of(Opcode.End)]);
        var names = new NameSection();
        names.Labels[0][0] = "again";
        names.Store(module);
        Assert.Contains("loop $again ;; @1\n    br $again\n", WatPrinter.PrintFunction(module, 0), StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_names_are_told_apart_and_names_that_look_like_that_are_respected()
    {
        var module = new WasmModule();
        module.TypeGroups.Add(RecursionGroup.Single(FunctionType.Of([], [])));
        var names = new NameSection();
        foreach (var (index, name) in new[] { "f", "f", "f#1", "", "f" }.Index())
        {
            module.AddFunction(0, new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.End)])));
            names.Functions[(uint)index] = name;
        }

        names.Store(module);
        var printer = new WatPrinter(module);
        Assert.Equal(["$f", "$f#1#1", "$f#1", "3", "$f#4"], Enumerable.Range(0, 5).Select(index => printer.FunctionReference((uint)index)));
    }

    [Fact]
    public void An_imported_function_is_printed_as_its_import()
    {
        var module = Module([Instruction.Of(Opcode.End)]);
        module.Imports.Add(new Import("env", "a\"b", new FunctionExtern(0)));
        Assert.Equal("(import \"env\" \"a\\22b\" (func (;0;) (type 0) (param i32 i64)))\n", WatPrinter.PrintFunction(module, 0));
    }

    [Fact]
    public void A_module_with_a_malformed_name_section_is_printed_without_names()
    {
        var module = Module([Instruction.Of(Opcode.End)]);
        module.SetCustom(NameSection.SectionName, new byte[] { 1, 9 });
        Assert.Contains("(func (;0;) (type 0)", WatPrinter.Print(module), StringComparison.Ordinal);
        Assert.Contains(";; custom section \"name\", 2 bytes\n", WatPrinter.Print(module), StringComparison.Ordinal);
    }

    [Fact]
    public void The_text_of_deeply_nested_code_grows_with_its_length_and_not_with_its_square()
    {
        const int Depth = 20_000;
        var code = Enumerable.Repeat(Instruction.Block(Opcode.Block, BlockType.Empty), Depth).Concat(Enumerable.Repeat(Instruction.Of(Opcode.End), Depth + 1));
        Assert.InRange(WatPrinter.PrintFunction(Module([.. code]), 0).Length, Depth, Depth * 200);
    }

    [Fact]
    public void Random_modules_valid_or_not_can_be_printed()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            Assert.StartsWith("(module", WatPrinter.Print(RandomModules.Make(seed)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_opcode_is_printed_with_its_name_and_parsed_again_to_the_same()
    {
        var wasmtime = Wasmtime.Load("every opcode printed and parsed");
        var random = new InstructionGenerator(seed: 6);
        foreach (var row in OpcodeTable.All.Where(row => row.Opcode is not (Opcode.Else or Opcode.End or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate) && row.Immediate != ImmediateKind.SelectTypes))
        {
            for (var i = 0; i < 5; i++)
            {
                var instruction = random.Next(row);
                if (instruction.OpensBlock)
                {
                    continue;
                }

                var module = Module([instruction, Instruction.Of(Opcode.End)]);
                var text = WatPrinter.Print(module);
                var (bytes, error) = wasmtime.Parse(text);
                Assert.True(bytes is not null, $"{error}\n{text}");
                Assert.Equal(instruction, ModuleReader.Read(bytes).Bodies[0].Decode().Instructions[0]);
            }
        }
    }

    private static WasmModule Module(Instruction[] code)
    {
        var module = new WasmModule();
        module.TypeGroups.Add(RecursionGroup.Single(FunctionType.Of([ValueType.I32, ValueType.I64], [])));
        module.Memories.Add(new MemoryType(new SizeLimits(1, null)));
        module.AddFunction(0, new FunctionBody(new FunctionCode([new LocalGroup(1, ValueType.I32), new LocalGroup(1, ValueType.F32)], [.. code])));
        return module;
    }
}
