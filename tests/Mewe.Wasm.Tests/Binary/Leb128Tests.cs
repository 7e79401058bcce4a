using FsCheck;
using FsCheck.Fluent;
using Mewe.Wasm.Binary;

namespace Mewe.Wasm.Tests.Binary;

/// <summary>Integers in the binary format (specification, 5.2.2).</summary>
public sealed class Leb128Tests
{
    private static readonly Config Config = Config.QuickThrowOnFailure.WithMaxTest(2_000).WithReplay(20260617UL, 3UL);

    [Fact]
    public void Unsigned_integers_are_read_as_they_were_written()
    {
        Check.One(Config, Prop.ForAll(Spread<uint>(), value => Read(Written(encoder => encoder.U32(value)), (ref BinaryDecoder decoder) => decoder.U32()) == value));
        Check.One(Config, Prop.ForAll(Spread<ulong>(), value => Read(Written(encoder => encoder.U64(value)), (ref BinaryDecoder decoder) => decoder.U64()) == value));
    }

    [Fact]
    public void Signed_integers_are_read_as_they_were_written()
    {
        Check.One(Config, Prop.ForAll(Spread<int>(), value => Read(Written(encoder => encoder.S32(value)), (ref BinaryDecoder decoder) => decoder.S32()) == value));
        Check.One(Config, Prop.ForAll(Spread<long>(), value => Read(Written(encoder => encoder.S64(value)), (ref BinaryDecoder decoder) => decoder.S64()) == value));
        Check.One(Config, Prop.ForAll(Spread<int>(), value => Read(Written(encoder => encoder.S64(value)), (ref BinaryDecoder decoder) => decoder.S33()) == value));
    }

    [Fact]
    public void Padded_integers_are_read_up_to_the_longest_form_and_no_further()
    {
        Check.One(Config, Prop.ForAll(Spread<uint>(), value =>
            Enumerable.Range(1, 5).All(length => Padded(value, length) is not { } bytes || Read(bytes, (ref BinaryDecoder decoder) => decoder.U32()) == value)
            && IsMalformed(Padded(value, 6)!, (ref BinaryDecoder decoder) => decoder.U32())));
        Check.One(Config, Prop.ForAll(Spread<long>(), value =>
            Enumerable.Range(1, 10).All(length => Padded(value, length) is not { } bytes || Read(bytes, (ref BinaryDecoder decoder) => decoder.S64()) == value)));
    }

    [Theory]
    [InlineData("80 80 80 80 10")]
    [InlineData("FF FF FF FF 1F")]
    [InlineData("80 80 80 80 80 00")]
    [InlineData("80")]
    [InlineData("")]
    public void Too_large_too_long_or_cut_unsigned_integers_are_malformed(string bytes) =>
        Assert.True(IsMalformed(Convert.FromHexString(bytes.Replace(" ", "")), (ref BinaryDecoder decoder) => decoder.U32()));

    [Theory]
    [InlineData("80 80 80 80 70", true)]
    [InlineData("FF FF FF FF 07", false)]
    [InlineData("80 80 80 80 78", false)]
    [InlineData("FF FF FF FF 0F", true)]
    [InlineData("80 80 80 80 08", true)]
    [InlineData("FF FF FF FF 7F", false)]
    [InlineData("FF FF FF FF FF 7F", true)]
    public void Unused_bits_of_a_signed_integer_repeat_its_sign(string bytes, bool malformed) =>
        Assert.Equal(malformed, IsMalformed(Convert.FromHexString(bytes.Replace(" ", "")), (ref BinaryDecoder decoder) => decoder.S32()));

    private delegate T Reader<T>(ref BinaryDecoder decoder);

    /// <summary>All magnitudes alike, with their neighbours, where FsCheck by itself stays near zero.</summary>
    private static Arbitrary<T> Spread<T>() =>
        Arb.From(from bits in Gen.Choose(0, 63) from low in Gen.Choose(int.MinValue, int.MaxValue) from high in Gen.Choose(int.MinValue, int.MaxValue)
                 from near in Gen.Choose(-2, 2) from power in Gen.Elements(true, false)
                 select Cast<T>(power ? (1L << bits) + near : (((long)high << 32) | (uint)low) >> bits));

    private static T Cast<T>(long value) => (T)(object)(typeof(T) == typeof(uint) ? (uint)value : typeof(T) == typeof(int) ? (object)(int)value
        : typeof(T) == typeof(ulong) ? (ulong)value : value);

    private static byte[] Written(Action<BinaryEncoder> write)
    {
        var encoder = new BinaryEncoder();
        write(encoder);
        return encoder.ToArray();
    }

    private static T Read<T>(byte[] bytes, Reader<T> read)
    {
        var decoder = new BinaryDecoder(bytes);
        var value = read(ref decoder);
        Assert.True(decoder.AtEnd);
        return value;
    }

    private static bool IsMalformed<T>(byte[] bytes, Reader<T> read)
    {
        try
        {
            var decoder = new BinaryDecoder(bytes);
            read(ref decoder);
            return false;
        }
        catch (WasmException exception)
        {
            return exception.Error.Kind == WasmErrorKind.Malformed;
        }
    }

    /// <summary>A value in exactly so many bytes; null where it does not fit.</summary>
    private static byte[]? Padded(uint value, int length)
    {
        var rest = (ulong)value;
        var bytes = new byte[length];
        for (var i = 0; i < length; i++, rest >>= 7)
        {
            bytes[i] = (byte)((rest & 0x7F) | (i < length - 1 ? 0x80u : 0));
        }

        return rest == 0 ? bytes : null;
    }

    private static byte[]? Padded(long value, int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++, value >>= 7)
        {
            bytes[i] = (byte)((value & 0x7F) | (i < length - 1 ? 0x80L : 0));
        }

        return (value == 0 && (bytes[^1] & 0x40) == 0) || (value == -1 && (bytes[^1] & 0x40) != 0) ? bytes : null;
    }
}
