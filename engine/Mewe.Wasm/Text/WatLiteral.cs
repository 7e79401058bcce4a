using System.Globalization;
using System.Text;

namespace Mewe.Wasm.Text;

/// <summary>Literals of the text format (specification, 6.3): parsing one gives back exactly the same bits.</summary>
public static class WatLiteral
{
    /// <summary>The shortest decimal that is exactly this f32; NaNs with their payload.</summary>
    public static string F32(uint bits)
    {
        var value = BitConverter.UInt32BitsToSingle(bits);
        return float.IsNaN(value) ? NaN(bits >> 31 != 0, bits & 0x7F_FFFF, 0x40_0000) : Decimal(value.ToString("R", CultureInfo.InvariantCulture), float.IsInfinity(value), value < 0);
    }

    /// <summary>The shortest decimal that is exactly this f64; NaNs with their payload.</summary>
    public static string F64(ulong bits)
    {
        var value = BitConverter.UInt64BitsToDouble(bits);
        return double.IsNaN(value)
            ? NaN(bits >> 63 != 0, bits & 0xF_FFFF_FFFF_FFFF, 0x8_0000_0000_0000)
            : Decimal(value.ToString("R", CultureInfo.InvariantCulture), double.IsInfinity(value), value < 0);
    }

    /// <summary>A string in quotes; what is no printable ASCII as the bytes of its UTF-8.</summary>
    public static string Quote(string text) => Quote(Encoding.UTF8.GetBytes(text));

    public static string Quote(ReadOnlySpan<byte> bytes)
    {
        var quoted = new StringBuilder(bytes.Length + 2).Append('"');
        foreach (var b in bytes)
        {
            if (b is >= 0x20 and < 0x7F and not ((byte)'"' or (byte)'\\'))
            {
                quoted.Append((char)b);
            }
            else
            {
                quoted.Append('\\').Append(Convert.ToHexStringLower([b]));
            }
        }

        return quoted.Append('"').ToString();
    }

    private static string NaN(bool negative, ulong payload, ulong canonical) => (negative ? "-nan" : "nan") + (payload == canonical ? "" : $":0x{payload:x}");

    private static string Decimal(string text, bool infinite, bool negative) => infinite ? negative ? "-inf" : "inf" : text;
}
